-- The machines that joined this region. They belong to no project, and neither does what they were given.
create schema region;

create table region.host (
  id text primary key,
  -- As clients see it. What it is, its key says.
  name text not null unique,
  -- Of the invitation: null when it was taken, and the host has come.
  secret_hash bytea,
  invited_until timestamptz,
  -- SHA-256 of its public key; null until it has joined.
  key_hash text unique,
  seen_at timestamptz,
  created_at timestamptz not null,
  check (secret_hash is not null or key_hash is not null)
);

-- Written before the host is told, deleted when it has removed the machine: what it may speak of.
create table region.host_server (
  server_id text primary key,
  host_id text not null references region.host,
  port_ids text[] not null
);
create index on region.host_server (host_id);
