create schema broker;

-- Where things are that people reach through the region that spans all. Found by their id, never by name.
create table broker.handle (
  project_id text not null,
  collection text not null,
  id text not null,
  region text not null,
  seen_at timestamptz not null,
  primary key (project_id, collection, id)
);
call kit.protect('broker.handle');

-- The same thing again in another region, made because something there needs it. The intent comes first:
-- its id is the idempotency key of what is asked of the region, so that asking twice makes one.
create table broker.copy (
  id text primary key,
  project_id text not null,
  collection text not null,
  source_id text not null,
  source_region text not null,
  region text not null,
  copy_id text,
  made_at timestamptz not null,
  unique (project_id, collection, source_id, region)
);
create index on broker.copy (project_id, collection, copy_id);
call kit.protect('broker.copy');

-- Every decision with all that was weighed, and the prices as they were then.
create table broker.decision (
  id text primary key,
  project_id text not null,
  user_id text not null,
  request_id text not null,
  -- The client's own idempotency key, hashed: asked again, it is the same decision.
  client_key text,
  wish jsonb not null,
  policy jsonb not null,
  verdicts jsonb not null,
  region text,
  hourly numeric(38, 0),
  currency text,
  book_hash text,
  -- intended: nothing was asked yet; unknown: the region did not say; placed; refused; undone: found again and removed.
  state text not null check (state in ('intended', 'unknown', 'placed', 'refused', 'undone')),
  server_id text,
  -- What became of the machine: null while it is on its way.
  succeeded boolean,
  why text,
  decided_at timestamptz not null,
  settled_at timestamptz,
  unique (project_id, client_key)
);
create index on broker.decision (project_id, decided_at desc, id);
create index on broker.decision (state, decided_at) where succeeded is null;
create index on broker.decision (server_id);
call kit.protect('broker.decision');

-- What each region has left, as it said when it was last asked.
create table broker.capacity (
  region text not null,
  availability_zone text not null,
  free_vcpus integer not null,
  free_memory_mib bigint not null,
  free_disk_gib bigint not null,
  -- The most that one host has of each.
  largest_vcpus integer not null,
  largest_memory_mib bigint not null,
  largest_disk_gib bigint not null,
  images text[] not null,
  observed_at timestamptz not null,
  primary key (region, availability_zone)
);

-- How often machines came up there; halved as they grow old.
create table broker.outcome (
  region text primary key,
  succeeded double precision not null,
  failed double precision not null,
  weighed_at timestamptz not null
);

-- The empty project is the cloud's own policy, for whoever has none.
create table broker.policy (
  project_id text primary key,
  limits jsonb not null,
  preferences jsonb not null,
  updated_at timestamptz not null
);
call kit.protect('broker.policy', $$project_id = ''$$);
