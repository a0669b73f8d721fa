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

-- So many machines that are kept running in the name of a user.
create table broker.fleet (
  id text primary key,
  project_id text not null,
  user_id text not null,
  name text not null,
  size integer not null check (size >= 0),
  status text not null check (status in ('active', 'deleting')),
  machine jsonb not null,
  burst jsonb,
  -- Nano-units that machines at partners have cost until they ended.
  burst_spent numeric(38, 0) not null default 0,
  currency text,
  obstacle text,
  -- Since when there has been room at home for a machine that is at a partner's.
  room_since timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on broker.fleet (project_id, created_at, id);
call kit.protect('broker.fleet');

-- The intent comes first: its id is the key under which the machine is asked for, so that asking again makes no second one.
create table broker.fleet_machine (
  id text primary key,
  fleet_id text not null references broker.fleet on delete cascade,
  project_id text not null,
  state text not null check (state in ('intended', 'starting', 'running', 'leaving')),
  kind text check (kind in ('own', 'partner')),
  region text,
  server_id text,
  -- Nano-units, as when it was decided.
  hourly numeric(38, 0),
  since timestamptz not null
);
create index on broker.fleet_machine (fleet_id);
call kit.protect('broker.fleet_machine');

-- What policies ask of regions, such as residency: said by the operator.
create table broker.label (
  region text primary key,
  labels jsonb not null,
  updated_at timestamptz not null
);
