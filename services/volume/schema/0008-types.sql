-- What more types say: how fast their volumes are, how they are encrypted, and whose default they are.
create table volume.qos_spec (
  id text primary key,
  name text not null unique,
  -- Who keeps to it: the storage, the hosts, or both.
  consumer text not null check (consumer in ('front-end', 'back-end', 'both')),
  specs jsonb not null default '{}',
  created_at timestamptz not null
);

alter table volume.type
  add column qos_id text references volume.qos_spec,
  add column encryption jsonb;

create table volume.default_type (
  project_id text primary key,
  type_id text not null references volume.type
);

create index default_type_of on volume.default_type (type_id);

call kit.protect('volume.default_type');

-- How much of one type a project has and may have. A row appears with the first use or limit; without a limit there is none.
-- Like quota.claim it is not bound to the scope: one transaction hands a volume from one project to another.
create table volume.type_quota (
  project_id text not null,
  type_id text not null references volume.type on delete cascade,
  resource text not null check (resource in ('volumes', 'gigabytes', 'snapshots')),
  used bigint not null default 0 check (used >= 0),
  most bigint check (most >= -1),
  primary key (project_id, type_id, resource)
);

-- What projects may have unless told otherwise, where that is not what the program ships.
create table volume.quota_class (
  name text not null,
  resource text not null,
  type_id text references volume.type on delete cascade,
  most bigint not null check (most >= -1),
  unique nulls not distinct (name, resource, type_id)
);

select set_config('intercloud.project', '*', true);
insert into volume.type_quota (project_id, type_id, resource, used)
select project_id, type_id, 'volumes', count(*) from volume.volume where type_id is not null group by 1, 2;
insert into volume.type_quota (project_id, type_id, resource, used)
select project_id, type_id, 'gigabytes', sum(gib) from (
  select project_id, type_id, coalesce(wanted_gib, size_gib) as gib from volume.volume where type_id is not null
  union all select s.project_id, v.type_id, s.size_gib from volume.snapshot s join volume.volume v on v.id = s.volume_id where v.type_id is not null) each group by 1, 2;
insert into volume.type_quota (project_id, type_id, resource, used)
select s.project_id, v.type_id, 'snapshots', count(*) from volume.snapshot s join volume.volume v on v.id = s.volume_id where v.type_id is not null group by 1, 2;
select set_config('intercloud.project', '', true);

-- The type too is counted.
drop function volume.weight_of;
create function volume.weight_of(wanted text, out volume_gib int, out snapshots int, out snapshot_gib int, out ready boolean, out type_id text)
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  about text;
begin
  perform set_config('intercloud.project', '*', true);
  select t.volume_id into strict about from volume.transfer t where t.id = wanted;
  select v.size_gib, v.status = 'awaiting-transfer', v.type_id into volume_gib, ready, type_id from volume.volume v where v.id = about for update;
  perform from volume.snapshot s where s.volume_id = about for update;
  select count(*)::int, coalesce(sum(s.size_gib), 0)::int, ready and coalesce(bool_and(s.status = 'available'), true)
    into snapshots, snapshot_gib, ready from volume.snapshot s where s.volume_id = about;
  perform set_config('intercloud.project', scope, true);
end $$;
