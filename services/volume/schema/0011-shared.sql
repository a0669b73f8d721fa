-- Volumes that several servers use at once: of types that say so.
alter table volume.volume add column multiattach boolean not null default false;

-- One writer for each disk (I2), unless its writers know of one another; and no server has one twice.
alter table volume.attachment
  add column shared boolean not null default false,
  drop constraint attachment_volume_id_key;
create unique index attachment_sole on volume.attachment (volume_id) where not shared;
create unique index attachment_shared on volume.attachment (volume_id, server_id) where shared;
