-- Limits that were registered with identity. Beside them counts what was set by the service's own quotas: the least of all.
create table quota.bound (
  resource text not null,
  -- '': every project that has none of its own
  project_id text not null,
  -- Of what is used in this region; otherwise of what is used in all of them together.
  here boolean not null,
  -- -1: unlimited
  amount bigint not null check (amount >= -1),
  primary key (resource, project_id, here)
);
