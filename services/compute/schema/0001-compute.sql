create schema compute;

create table compute.flavor (
  id text primary key,
  name text not null unique,
  vcpus int not null check (vcpus > 0),
  memory_mib int not null check (memory_mib > 0),
  disk_gib int not null check (disk_gib >= 0),
  ephemeral_gib int not null default 0 check (ephemeral_gib >= 0),
  swap_mib int not null default 0 check (swap_mib >= 0),
  rxtx_factor double precision not null default 1,
  is_public boolean not null default true,
  extra_specs jsonb not null default '{}',
  created_at timestamptz not null
);

-- Which projects an administrator lets use a private flavor. Not the projects' own rows, so not protected as such.
create table compute.flavor_access (
  flavor_id text not null references compute.flavor on delete cascade,
  project_id text not null,
  primary key (flavor_id, project_id)
);

-- A user's, in whatever project: every statement names the user.
create table compute.key_pair (
  number integer generated always as identity,
  user_id text not null,
  name text not null,
  fingerprint text not null,
  public_key text not null,
  created_at timestamptz not null,
  primary key (user_id, name)
);

create table compute.server (
  id text primary key,
  project_id text not null,
  user_id text not null,
  -- Grows with every change of intent: drivers refuse what is older than what they have seen.
  generation bigint not null default 1,
  name text not null,
  hostname text not null,
  -- As Nova names them: vm_states.py, task_states.py
  vm_state text not null,
  task_state text,
  -- What the machine is to be.
  power text not null check (power in ('running', 'stopped', 'paused', 'suspended')),
  boot_epoch int not null default 0,
  disk_epoch int not null default 0,
  flavor jsonb not null,
  -- Null: its root disk is a volume.
  image_id text,
  -- The vetted bytes of that image: they stay known when the image is deleted.
  root_image jsonb,
  root_disk_gib int not null,
  host_id text,
  availability_zone text,
  only_hostname text,
  key_name text,
  public_key text,
  user_data text,
  config_drive text not null default '',
  -- Until the machine has been told.
  admin_pass text,
  metadata jsonb not null default '{}',
  access_ipv4 text not null default '',
  access_ipv6 text not null default '',
  disk_config text not null default 'MANUAL',
  locked boolean not null default false,
  launch_index int not null default 0,
  reservation_id text not null,
  fault jsonb,
  -- { from: flavor, vmState } while a resize waits to be confirmed
  resize jsonb,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  launched_at timestamptz,
  terminated_at timestamptz,
  deleted_at timestamptz
);
call kit.protect('compute.server');

create index on compute.server (project_id, created_at desc, id desc) where deleted_at is null;
create index on compute.server (created_at desc, id desc) where deleted_at is null;
create index on compute.server (host_id) where deleted_at is null;
create index on compute.server (task_state) where deleted_at is null and task_state is not null;

-- Volumes of a server, with their devices; the row lives and dies with the attachment (invariant I5).
create table compute.block_device (
  server_id text not null references compute.server,
  project_id text not null,
  volume_id text not null,
  attachment_id text not null,
  device text not null,
  is_root boolean not null default false,
  delete_on_termination boolean not null default false,
  state text not null check (state in ('attaching', 'attached', 'detaching')),
  created_at timestamptz not null,
  primary key (server_id, device),
  unique (server_id, volume_id)
);
call kit.protect('compute.block_device');
create unique index on compute.block_device (server_id) where is_root;

-- Ports of a server, in the order in which the guest sees them.
create table compute.interface (
  server_id text not null references compute.server,
  project_id text not null,
  port_id text not null unique,
  position int not null,
  state text not null check (state in ('attaching', 'attached', 'detaching')),
  created_at timestamptz not null,
  primary key (server_id, position)
);
call kit.protect('compute.interface');

-- What was asked of a server, and what became of it.
create table compute.action (
  server_id text not null references compute.server,
  project_id text not null,
  request_id text not null,
  action text not null,
  user_id text not null,
  message text,
  started_at timestamptz not null,
  finished_at timestamptz,
  result text,
  primary key (server_id, request_id)
);
call kit.protect('compute.action');
