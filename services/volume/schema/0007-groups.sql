-- Volumes that belong together, of what kind their groups are, and snapshots of all volumes of a group.
create table volume.group_type (
  id text primary key,
  name text not null unique,
  description text,
  public boolean not null,
  specs jsonb not null default '{}',
  created_at timestamptz not null
);

create table volume.volume_group (
  id text primary key,
  project_id text not null,
  user_id text not null,
  name text,
  description text,
  status text not null,
  group_type_id text not null references volume.group_type,
  -- The types that its volumes may have.
  type_ids text[] not null,
  availability_zone text not null,
  source_group_id text,
  group_snapshot_id text,
  failure text,
  generation bigint not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index group_newest on volume.volume_group (project_id, created_at desc, id desc);
create index group_of_type on volume.volume_group (group_type_id);

create table volume.group_snapshot (
  id text primary key,
  project_id text not null,
  user_id text not null,
  group_id text not null references volume.volume_group,
  group_type_id text not null,
  name text,
  description text,
  status text not null,
  failure text,
  generation bigint not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index group_snapshot_newest on volume.group_snapshot (project_id, created_at desc, id desc);
create index group_snapshot_of on volume.group_snapshot (group_id);

alter table volume.volume add column group_id text references volume.volume_group;
alter table volume.snapshot add column group_snapshot_id text references volume.group_snapshot;
create index volume_of_group on volume.volume (group_id) where group_id is not null;
create index snapshot_of_group on volume.snapshot (group_snapshot_id) where group_snapshot_id is not null;

call kit.protect('volume.volume_group');
call kit.protect('volume.group_snapshot');
