create table network.subnet_pool (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  name text not null,
  description text not null default '',
  ip_version smallint not null check (ip_version in (4, 6)),
  prefixes cidr[] not null,
  default_prefixlen integer not null,
  min_prefixlen integer not null,
  max_prefixlen integer not null,
  -- Of one project: addresses, or for IPv6 networks of 64 bits; null is without limit.
  default_quota integer check (default_quota >= 0),
  is_default boolean not null default false,
  shared boolean not null default false,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (min_prefixlen <= default_prefixlen and default_prefixlen <= max_prefixlen)
);
create index on network.subnet_pool (project_id);
create unique index one_default_pool_of_a_version on network.subnet_pool (ip_version) where is_default;

-- What is taken of a pool, by whomever: of a shared one two projects must not be given the same.
create table network.pool_allocation (
  pool_id text not null references network.subnet_pool,
  cidr cidr not null,
  subnet_id text not null unique references network.subnet on delete cascade,
  taker_project_id text not null,
  primary key (pool_id, cidr)
);

call kit.protect('network.subnet_pool', 'shared');
