-- Bytes in containers that nobody looks into, and how many bytes a project has.
alter table image.blob drop constraint blob_format_check;
alter table image.blob add constraint blob_format_check check (format in ('raw', 'qcow2', 'opaque'));
alter table image.blob alter column virtual_size_bytes drop not null;
-- Whether they are a disk, and of what size, is known of judged bytes only.
alter table image.blob add check ((format = 'opaque') = (virtual_size_bytes is null));

-- What its project is charged for it: its bytes, or those that are expected while they come.
alter table image.image add column charged_bytes bigint not null default 0 check (charged_bytes >= 0);
update image.image set charged_bytes = coalesce(size_bytes, 0);
alter table image.image add check (status not in ('active', 'deactivated') or charged_bytes = size_bytes);
insert into quota.claim as c (project_id, resource, used)
  select project_id, 'image.bytes', sum(charged_bytes) from image.image group by project_id
  on conflict (project_id, resource) do update set used = excluded.used;
