-- Disks that a server has of its host besides its root: [{ name, sizeMiB, device, format, tag }]
alter table compute.server add column local_disks jsonb not null default '[]';
