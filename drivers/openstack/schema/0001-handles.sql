-- What of ours is what at the partner. A row is written before the call that makes the thing there, so whatever
-- becomes of the call, we know what to look for. The rows are those of every project, and only the driver reads them.
create schema openstack;

create table openstack.handle (
  kind text not null,
  id text not null,
  -- The newest that was seen; it outlives the thing, so that a late call cannot bring it back.
  generation bigint not null default 0,
  state text not null default 'absent' check (state in ('absent', 'intended', 'known')),
  -- How often the thing was intended anew: part of the tag, so that what is left of an earlier one is told apart.
  attempt integer not null default 0,
  -- Ours.
  project_id text,
  -- The partner's name for it.
  remote_id text,
  -- What was done with it and cannot be asked of the partner.
  applied jsonb not null default '{}',
  changed_at timestamptz not null,
  primary key (kind, id),
  check ((state = 'known') = (remote_id is not null)),
  check (state = 'absent' or project_id is not null)
);

create index on openstack.handle (kind, project_id) where state <> 'absent';
