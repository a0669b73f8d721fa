-- Providers that no host reports: trees of them, groups of them, and what they can do.
alter table placement.provider
  alter column seen_at drop not null,
  alter column report drop not null,
  -- An operator knows better than the reports that it is down.
  add column forced_down boolean not null default false,
  add column parent_id text references placement.provider,
  add column root_id text;
update placement.provider set root_id = id;
alter table placement.provider alter column root_id set not null;
create index on placement.provider (root_id);
create index on placement.provider (parent_id);

alter table placement.inventory
  add column min_unit integer not null default 1 check (min_unit >= 1),
  add column max_unit integer not null default 2147483647 check (max_unit >= 1),
  add column step_size integer not null default 1 check (step_size >= 1),
  -- What was claimed when an operator said that there is less: it stays, and nothing is added to it.
  add column tolerated bigint not null default 0 check (tolerated >= 0);
update placement.inventory set max_unit = greatest(1, least(total, 2147483647));
alter table placement.inventory drop constraint within_capacity;
alter table placement.inventory add constraint within_capacity check (used <= greatest(floor((total - reserved) * allocation_ratio), tolerated));

-- Who claims. What belongs to a server of this cloud follows the server, and is changed by its rules only.
create table placement.consumer (
  id text primary key,
  project_id text not null,
  user_id text not null,
  type text,
  generation bigint not null default 0,
  is_server boolean not null,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on placement.consumer (project_id, user_id);
insert into placement.consumer (id, project_id, user_id, type, generation, is_server, created_at, updated_at)
  select consumer_id, min(project_id), '', 'INSTANCE', 1, true, min(created_at), max(created_at) from placement.allocation group by consumer_id;
alter table placement.allocation add foreign key (consumer_id) references placement.consumer;

-- Besides those that every placement service knows.
create table placement.resource_class (
  name text primary key,
  created_at timestamptz not null
);
create table placement.trait (
  name text primary key,
  created_at timestamptz not null
);

create table placement.provider_trait (
  provider_id text not null references placement.provider on delete cascade,
  trait text not null,
  primary key (provider_id, trait)
);
create index on placement.provider_trait (trait);

-- Groups of providers: some have a name and metadata, of others only the id is known.
create table placement.aggregate (
  id text primary key,
  number integer generated always as identity unique,
  name text not null unique,
  metadata jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz
);
create table placement.provider_aggregate (
  provider_id text not null references placement.provider on delete cascade,
  aggregate_id text not null,
  primary key (provider_id, aggregate_id)
);
create index on placement.provider_aggregate (aggregate_id);
