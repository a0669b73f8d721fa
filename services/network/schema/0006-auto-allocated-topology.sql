-- What `openstack network auto allocated topology create` and `--nic auto` gave a project: one network behind one router.
create table network.auto_allocated_topology (
  project_id text primary key,
  network_id text not null references network.network on delete cascade,
  router_id text references network.router on delete set null
);
create index on network.auto_allocated_topology (network_id);
create index on network.auto_allocated_topology (router_id);
call kit.protect('network.auto_allocated_topology');
