-- What is counted on both sides between two clouds.
create table metering.agreement (
  id text primary key,
  role text not null check (role in ('consumer', 'provider')),
  peer text not null,
  region text not null,
  domain_id text,
  keys jsonb not null,
  tolerance_seconds int not null,
  late_hours int not null,
  book_hash text not null,
  created_at timestamptz not null
);

-- Which of the peer's projects and things are which of ours.
create table metering.counterpart (
  agreement_id text not null references metering.agreement,
  kind text not null check (kind in ('project', 'resource')),
  peer_id text not null,
  own_id text not null,
  primary key (agreement_id, kind, peer_id)
);

-- What each side has said of each hour, with the signature: the evidence. The newest revision counts.
create table metering.statement (
  agreement_id text not null references metering.agreement,
  hour timestamptz not null,
  side text not null check (side in ('own', 'peer', 'accepted')),
  revision int not null,
  signed jsonb not null,
  taken_at timestamptz not null,
  primary key (agreement_id, hour, side, revision)
);
create trigger never_changed before update or delete or truncate on metering.statement for each statement execute function metering.refuse_change();

-- Hours that both sides have spoken of and that were compared.
create table metering.matched (
  agreement_id text not null references metering.agreement,
  hour timestamptz not null,
  own_revision int not null,
  peer_revision int not null,
  -- As billed: [{ project, resource, measure, unit_ms }], in our ids.
  rows jsonb not null,
  matched_at timestamptz not null,
  primary key (agreement_id, hour)
);

create table metering.dispute (
  id text primary key,
  agreement_id text not null references metering.agreement,
  hour timestamptz not null,
  kind text not null,
  project_id text,
  resource text,
  resource_id text,
  peer_resource_id text,
  measure text,
  own_unit_ms numeric(38, 0) not null,
  peer_unit_ms numeric(38, 0) not null,
  own_events text[] not null,
  peer_events text[] not null,
  accused text,
  message text not null,
  status text not null default 'open' check (status in ('open', 'resolved')),
  in_favour text check (in_favour in ('own', 'peer')),
  created_at timestamptz not null
);
create index on metering.dispute (agreement_id, hour);
