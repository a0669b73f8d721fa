-- What the doors of consistency groups make groups of: cinder/volume/group_types.py, DEFAULT_CGSNAPSHOT_TYPE.
insert into volume.group_type (id, name, description, public, specs, created_at)
values (gen_random_uuid()::text, 'default_cgsnapshot_type', 'Default group type for migrating cgsnapshot', true, '{"consistent_group_snapshot_enabled": "<is> True"}', now())
on conflict (name) do nothing;
