alter table compute.server
  add column description text,
  add column tags text[] not null default '{}',
  -- Who holds the lock: an owner cannot undo an administrator's.
  add column locked_by text check (locked_by in ('owner', 'admin')),
  add column locked_reason text,
  add column scheduler_hints jsonb not null default '{}',
  add column group_id text,
  -- The zone of its host, which keeps it while it has servers.
  add column host_zone text,
  -- What its image said when the server was made of it.
  add column image_properties jsonb not null default '{}',
  -- { image, vmState } while it runs from another image than its own
  add column rescue jsonb,
  -- The image that holds its disk while it is shelved.
  add column shelved_image_id text;
update compute.server set locked_by = 'owner' where locked;
create index on compute.server (group_id) where deleted_at is null and group_id is not null;

alter table compute.block_device
  add column id text not null default gen_random_uuid()::text,
  add column tag text;
alter table compute.block_device alter column id drop default;
alter table compute.interface add column tag text;

alter table compute.action
  add column updated_at timestamptz,
  add column host_id text;
update compute.action set updated_at = coalesce(finished_at, started_at);
alter table compute.action alter column updated_at set not null;

create table compute.server_group (
  id text primary key,
  project_id text not null,
  user_id text not null,
  name text not null,
  policy text not null check (policy in ('affinity', 'anti-affinity', 'soft-affinity', 'soft-anti-affinity')),
  -- How many of them a host may have, for anti-affinity.
  most_per_host int not null default 1 check (most_per_host > 0),
  -- Whether that was said.
  has_rules boolean not null default false,
  created_at timestamptz not null
);
call kit.protect('compute.server_group');
create index on compute.server_group (project_id, created_at, id);
