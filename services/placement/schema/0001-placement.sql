-- What each host has, and who has claimed how much of it. Hosts belong to no project, so nothing here is protected
-- by row: claims name their project for the record only.
create schema placement;

create table placement.provider (
  id text primary key,
  -- Nova's old numbers for hosts and services, which clients before 2.53 still see.
  number integer generated always as identity unique,
  hostname text not null unique,
  generation bigint not null default 0,
  availability_zone text not null default 'nova',
  enabled boolean not null default true,
  disabled_reason text,
  -- When the driver last reported it.
  seen_at timestamptz not null,
  created_at timestamptz not null,
  report jsonb not null
);

create table placement.inventory (
  provider_id text not null references placement.provider on delete cascade,
  resource_class text not null,
  total bigint not null check (total >= 0),
  reserved bigint not null default 0 check (reserved >= 0),
  allocation_ratio double precision not null default 1 check (allocation_ratio > 0),
  used bigint not null default 0 check (used >= 0),
  primary key (provider_id, resource_class),
  -- The last word: whatever asked, no host is claimed beyond what it has.
  constraint within_capacity check (used <= floor((total - reserved) * allocation_ratio))
);

create table placement.allocation (
  consumer_id text not null,
  provider_id text not null references placement.provider,
  resource_class text not null,
  used bigint not null check (used > 0),
  project_id text not null,
  created_at timestamptz not null,
  primary key (consumer_id, provider_id, resource_class)
);

create index on placement.allocation (provider_id);
