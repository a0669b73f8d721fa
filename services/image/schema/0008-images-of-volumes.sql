-- Images that stand for snapshots of volumes: their properties say of which, and they have no bytes of their own.
alter table image.image add column of_volumes boolean not null default false;
alter table image.image drop constraint image_check;
alter table image.image add constraint active_with_bytes check ((status in ('active', 'deactivated')) = (sha256 is not null or of_volumes));
alter table image.image add constraint of_volumes_or_bytes check (not (of_volumes and sha256 is not null));
