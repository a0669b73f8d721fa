-- Copies of volumes that outlive them, and volumes whose content is replaced.
create table volume.backup (
  id text primary key,
  project_id text not null,
  user_id text not null,
  -- Of a volume that has perhaps been deleted since.
  volume_id text not null,
  snapshot_id text,
  -- An incremental one holds what has changed since this one.
  parent_id text references volume.backup,
  name text,
  description text,
  status text not null,
  size_gib integer not null check (size_gib > 0),
  object_count integer not null default 0,
  container text,
  availability_zone text,
  failure text,
  metadata jsonb not null default '{}',
  -- What was known of the volume besides its bytes.
  volume_facts jsonb not null,
  -- The file with its bytes, by its hash; and all files that restoring it reads, its ancestors' too.
  pack text,
  packs text[] not null default '{}',
  -- The volume into which it is being restored.
  restoring_to text,
  data_at timestamptz not null,
  generation bigint not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index backup_newest on volume.backup (project_id, created_at desc, id desc);
create index backup_of on volume.backup (volume_id);
create index backup_child on volume.backup (parent_id);
create index backup_packs on volume.backup using gin (packs);

call kit.protect('volume.backup');

alter table volume.volume
  -- Grows when its content is replaced: by a backup, a snapshot, an image.
  add column epoch integer not null default 0,
  -- The subject of the workflow that ends its transient state, where it is not its own.
  add column worked_on_as text;
alter table volume.snapshot add column worked_on_as text;

drop index volume.volume_in_transit;
create index volume_in_transit on volume.volume (updated_at) where status in ('creating', 'extending', 'deleting', 'uploading', 'downloading', 'restoring-backup', 'backing-up', 'reverting', 'retyping', 'managing');

alter table volume.message drop constraint message_resource_type_check;
alter table volume.message add check (resource_type in ('VOLUME', 'VOLUME_SNAPSHOT', 'VOLUME_BACKUP'));

alter table volume.service drop constraint service_binary_name_check;
alter table volume.service add check (binary_name in ('cinder-scheduler', 'cinder-volume', 'cinder-backup'));
insert into volume.service (host, binary_name, seen_at) values ('intercloud', 'cinder-backup', 'epoch');
