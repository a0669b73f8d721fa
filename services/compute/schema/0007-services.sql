-- What decides where servers go and brings them there: the workers, who say here that they work.
create table compute.service (
  binary_name text primary key check (binary_name in ('nova-conductor', 'nova-scheduler')),
  id text not null unique default gen_random_uuid()::text,
  -- Beyond the numbers of hosts, with which it is listed.
  number bigint not null generated always as identity (start with 1000000001),
  seen_at timestamptz not null
);
