-- What both sides count; older agreements were about everything.
alter table metering.agreement add column resources text[] not null default '{server,volume,volume_snapshot,image,floatingip}';
alter table metering.agreement alter column resources drop default;

alter table metering.counterpart drop constraint counterpart_kind_check;
alter table metering.counterpart add constraint counterpart_kind_check check (kind in ('project', 'resource', 'flavor'));

-- How we get in at a provider, to ask what he has counted.
create table metering.access (
  agreement_id text primary key references metering.agreement,
  kind text not null check (kind in ('intercloud', 'openstack')),
  auth_url text not null,
  region text not null,
  -- The rest of it, by the key of the cloud.
  sealed bytea not null,
  -- A new one is a new way in.
  version int not null default 1,
  -- When it is asked the next time, and whether about the hour under way too.
  due_at timestamptz not null,
  so_far boolean not null default false,
  -- What came of it the last time, when it was not what it should be.
  failed_at timestamptz,
  failure text
);

-- Of a provider who counts nothing for us: what his API has shown of an hour, for as long as it may be compared again.
create table metering.observation (
  agreement_id text not null references metering.agreement,
  hour timestamptz not null,
  seen_at timestamptz not null,
  things jsonb not null,
  volumes jsonb not null,
  primary key (agreement_id, hour)
);
