-- What is written down of packets that security groups let pass or drop.
create table network.log (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null,
  -- Of these: of all of the project's where both are null.
  resource_id text references network.security_group on delete cascade,
  target_id text references network.port on delete cascade,
  event text not null check (event in ('ACCEPT', 'DROP', 'ALL')),
  enabled boolean not null,
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.log (project_id);
create index on network.log (resource_id) where resource_id is not null;
create index on network.log (target_id) where target_id is not null;
call kit.protect('network.log');
