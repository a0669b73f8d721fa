-- Volumes, their snapshots, who uses them, and of what type they are.
create schema volume;

create table volume.type (
  id text primary key default gen_random_uuid()::text,
  name text not null unique,
  description text,
  public boolean not null default true,
  extra_specs jsonb not null default '{}',
  created_at timestamptz not null default now()
);

-- cinder/db/migrations: the type of volumes that name none.
insert into volume.type (name, description) values ('__DEFAULT__', 'Default Volume Type');

create table volume.type_access (
  type_id text not null references volume.type on delete cascade,
  project_id text not null,
  primary key (type_id, project_id)
);

create table volume.volume (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  user_id text not null,
  name text,
  description text,
  status text not null,
  -- What it was before it was extended or copied, and will be again.
  previous_status text,
  size_gib integer not null check (size_gib > 0),
  -- The size that it is being extended to; charged already.
  wanted_gib integer check (wanted_gib > size_gib),
  type_id text references volume.type,
  availability_zone text not null,
  bootable boolean not null default false,
  metadata jsonb not null default '{}',
  image_metadata jsonb,
  source jsonb not null,
  -- The server for which it was made: only that one may have it before it is there.
  made_for text,
  generation bigint not null default 1,
  failure text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index volume_newest on volume.volume (project_id, created_at desc, id desc);
create index volume_in_transit on volume.volume (updated_at) where status in ('creating', 'extending', 'deleting', 'uploading');

create table volume.snapshot (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  user_id text not null,
  volume_id text not null references volume.volume,
  name text,
  description text,
  status text not null,
  size_gib integer not null,
  metadata jsonb not null default '{}',
  generation bigint not null default 1,
  failure text,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index snapshot_of on volume.snapshot (volume_id);
create index snapshot_newest on volume.snapshot (project_id, created_at desc, id desc);

create table volume.attachment (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  -- One writer for each disk (I2): there is no second attachment.
  volume_id text not null unique references volume.volume,
  server_id text,
  -- A server's attachment lives and ends with the server's device (CVE-2023-2088).
  of_compute boolean not null,
  status text not null check (status in ('reserved', 'attached', 'detaching')),
  device text,
  host_id text,
  delete_on_termination boolean not null default false,
  created_at timestamptz not null,
  attached_at timestamptz
);

create index attachment_of on volume.attachment (server_id);

call kit.protect('volume.volume');
call kit.protect('volume.snapshot');
call kit.protect('volume.attachment');
call kit.protect('volume.type_access');
