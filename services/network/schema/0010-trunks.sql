create table network.trunk (
  id text primary key,
  project_id text not null,
  port_id text not null constraint one_trunk_of_a_port unique references network.port,
  name text not null,
  description text not null default '',
  admin_state_up boolean not null,
  status text not null,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.trunk (project_id);
call kit.protect('network.trunk');

-- Ports that go through another one, told apart by a VLAN.
create table network.subport (
  port_id text primary key references network.port,
  trunk_id text not null references network.trunk on delete cascade,
  -- The trunk's.
  project_id text not null,
  segmentation_type text not null check (segmentation_type = 'vlan'),
  segmentation_id integer not null check (segmentation_id between 1 and 4094),
  constraint one_port_of_a_vlan unique (trunk_id, segmentation_id)
);
create index on network.subport (project_id);
call kit.protect('network.subport');
