-- Why what was asked for did not come about, for the project to read.
create table volume.message (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  -- Of what has perhaps been deleted since.
  resource_type text not null check (resource_type in ('VOLUME', 'VOLUME_SNAPSHOT')),
  resource_id text not null,
  -- By Cinder's numbers of what was done, and of what came of it.
  action_id text not null,
  detail_id text not null,
  request_id text,
  created_at timestamptz not null,
  expires_at timestamptz not null
);

create index message_newest on volume.message (project_id, created_at desc, id desc);
create index message_expiring on volume.message (expires_at);

call kit.protect('volume.message');
