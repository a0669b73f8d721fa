-- What locks the disks of volumes and snapshots, each its own. Sealed by the keys of the cloud, which are not in this database.
create table volume.disk_key (
  id text primary key,
  project_id text not null,
  -- Null until it is first needed.
  sealed bytea,
  -- Which of the cloud's keys has sealed it.
  sealed_by bigint,
  created_at timestamptz not null,
  check ((sealed is null) = (sealed_by is null))
);

create index disk_key_sealed_by on volume.disk_key (sealed_by);

call kit.protect('volume.disk_key');

alter table volume.volume
  add column encryption jsonb,
  add column key_id text unique references volume.disk_key,
  -- While it is locked or unlocked where it lies: the one that is to be its key, or was.
  add column other_key_id text unique references volume.disk_key,
  add check ((encryption is null) = (key_id is null));
alter table volume.snapshot add column key_id text unique references volume.disk_key;
-- Incremental ones have their parent's.
alter table volume.backup add column key_id text references volume.disk_key;
create index backup_key on volume.backup (key_id) where key_id is not null;

-- Whoever is given a volume is given its keys.
create or replace function volume.hand_over(wanted text, to_project text, to_user text, at timestamptz) returns void
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  handed text;
  with_them boolean;
  giver text;
begin
  perform set_config('intercloud.project', '*', true);
  delete from volume.transfer where id = wanted returning volume_id, with_snapshots, project_id into strict handed, with_them, giver;
  update volume.volume set project_id = to_project, user_id = to_user, status = 'available', updated_at = at where id = handed;
  update volume.disk_key set project_id = to_project where id = (select key_id from volume.volume where id = handed);
  if with_them then
    update volume.snapshot set project_id = to_project, user_id = to_user, updated_at = at where volume_id = handed and project_id = giver;
    update volume.disk_key set project_id = to_project where id in (select key_id from volume.snapshot where volume_id = handed and project_id = to_project);
  end if;
  perform set_config('intercloud.project', scope, true);
end $$;
