alter table compute.flavor add column description text;

-- Limits of all projects for which none were set: those of the class `default` are in force.
create table compute.quota_class (
  name text not null,
  resource text not null,
  most bigint not null check (most >= -1),
  primary key (name, resource)
);

-- What one user may use of what the project may.
create table compute.user_limit (
  project_id text not null,
  user_id text not null,
  resource text not null,
  most bigint not null check (most >= -1),
  primary key (project_id, user_id, resource)
);
call kit.protect('compute.user_limit');

-- Servers on their way from host to host, or from flavor to flavor.
create table compute.migration (
  id text primary key,
  number integer generated always as identity unique,
  server_id text not null references compute.server,
  project_id text not null,
  user_id text not null,
  type text not null check (type in ('migration', 'resize', 'live-migration', 'evacuation')),
  status text not null,
  source_host_id text,
  target_host_id text,
  old_flavor text,
  new_flavor text,
  created_at timestamptz not null,
  updated_at timestamptz
);
call kit.protect('compute.migration');
create index on compute.migration (server_id, number);
create index on compute.migration (created_at desc, number desc);
