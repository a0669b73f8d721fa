-- Bytes that wait for their import, the stores in which they are then, and the work between the two.
alter table image.image drop constraint image_status_check;
alter table image.image add constraint image_status_check check (status in ('queued', 'saving', 'uploading', 'importing', 'active', 'deactivated'));
alter table image.image drop constraint image_check1;
alter table image.image drop constraint image_check2;
alter table image.image add constraint bytes_on_their_way check ((status in ('saving', 'uploading', 'importing')) = (upload is not null and saving_until is not null));

-- How many bytes wait in the staging area; null while they still come.
alter table image.image add column staged_bytes bigint;
alter table image.image add constraint staged_while_waiting check (staged_bytes is null or status in ('uploading', 'importing'));

-- In which stores the bytes are; at least one has them.
alter table image.image add column stores text[] not null default '{}';
update image.image set stores = '{local}' where sha256 is not null;
alter table image.image add constraint stored_somewhere check ((sha256 is not null) = (cardinality(stores) > 0));

-- What the last import is about to do and could not do; null before the first one.
alter table image.image add column importing_stores text[];
alter table image.image add column failed_stores text[];
-- Whose the image is until it ends.
alter table image.image add column import_task text;

drop index image.image_saving;
create index image_saving on image.image (saving_until) where status in ('saving', 'uploading', 'importing');

create table image.task (
  id text primary key,
  project_id text not null,
  type text not null check (type in ('import', 'api_image_import', 'location_import')),
  status text not null check (status in ('pending', 'processing', 'success', 'failure')),
  input jsonb not null,
  result jsonb,
  message text not null default '',
  image_id text,
  user_id text not null,
  request_id text,
  expires_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);

create index task_newest on image.task (project_id, created_at desc, id desc);
create index task_of_image on image.task (image_id, created_at);
create index task_expired on image.task (expires_at) where expires_at is not null;
call kit.protect('image.task');
