-- The places of this cloud, and what each of them holds of the limits of all.
create schema federation;

create table federation.region (
  name text primary key,
  -- Served by home's own processes.
  first boolean not null default false,
  status text not null check (status in ('invited', 'joined')),
  driver text,
  url text,
  user_id text,
  -- Of the proof that it shows once; null when it has joined.
  proof_hash bytea,
  -- Seals what only this region may read; the first one is told nothing by wire.
  seal_key bytea,
  seen_at timestamptz,
  created_at timestamptz not null
);
create unique index only_one_first on federation.region (first) where first;
-- Names that give one database (supervisor/config.ts) cannot stand side by side.
create unique index one_database on federation.region (regexp_replace(lower(name), '[^a-z0-9]+', '_', 'g'));

-- What is told to the regions is numbered in the order of the commits.
create sequence federation.news_number;

-- Limits that were set; what has no row has the default of its kind.
create table federation.allowance (
  kind text not null,
  subject text not null,
  -- null: the default again; -1: unlimited
  amount bigint check (amount >= -1),
  number bigint not null,
  primary key (kind, subject)
);
create index on federation.allowance (number);

create table federation.lease (
  region text not null references federation.region on delete cascade,
  kind text not null,
  subject text not null,
  amount bigint not null check (amount >= -1),
  -- Rises with every change, so that an answer that comes late is known to be old.
  version bigint not null,
  primary key (region, kind, subject)
);
create index on federation.lease (kind, subject);

-- What a region was asked to give back and has not answered yet.
create table federation.recall (
  region text not null references federation.region on delete cascade,
  kind text not null,
  subject text not null,
  number bigint not null,
  primary key (region, kind, subject)
);
create index on federation.recall (region, number);
