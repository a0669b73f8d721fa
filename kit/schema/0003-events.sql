-- What happened, in the transaction in which it happened (kit/events, kit/audit.ts, kit/idempotency.ts).

create table kit.event (
  id bigint generated always as identity primary key,
  -- Numbers are given before commits, so that a reader who remembers the last number misses what commits
  -- late. A reader of events whose transaction is older than every one under way misses nothing.
  transaction xid8 not null default pg_current_xact_id(),
  type text not null,
  resource text not null,
  resource_id text not null,
  project_id text,
  request_id text,
  payload jsonb not null,
  at timestamptz not null
);

create index on kit.event (transaction, id);
create index on kit.event (at);
create index on kit.event (resource, resource_id);

create table kit.event_consumer (
  name text primary key,
  -- Patterns for "like"; null takes every type.
  types text[]
);

-- One row for each consumer and event, gone when it is done.
create table kit.event_delivery (
  consumer text not null references kit.event_consumer on delete cascade,
  event_id bigint not null references kit.event on delete cascade,
  -- Events of one resource are delivered one after another.
  about text not null,
  attempt int not null default 0,
  retry_at timestamptz not null default '-infinity',
  error text,
  primary key (consumer, event_id)
);

create index on kit.event_delivery (consumer, about, event_id);
create index on kit.event_delivery (event_id);

create table kit.audit (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  request_id text,
  user_id text,
  project_id text,
  action text not null,
  target text not null,
  outcome text not null check (outcome in ('success', 'failure', 'denied')),
  -- Where the request came from.
  source text,
  details jsonb not null default '{}'
);

create index on kit.audit (project_id, at);
create index on kit.audit (target, at);
create index on kit.audit (at);

create table kit.idempotency (
  project_id text not null,
  key text not null,
  -- A digest of what was asked, so that a key used for something else is noticed.
  fingerprint text not null,
  status int not null,
  headers jsonb not null,
  body text not null,
  kept_at timestamptz not null,
  primary key (project_id, key)
);

create index on kit.idempotency (kept_at);

call kit.protect('kit.idempotency');
