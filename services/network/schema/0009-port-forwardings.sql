-- Ports of a floating address, one or a run of them, that lead to a port behind a router.
create table network.port_forwarding (
  id text primary key,
  -- The floating address's.
  project_id text not null,
  floating_ip_id text not null references network.floating_ip,
  internal_port_id text not null references network.port on delete cascade,
  internal_ip_address inet not null,
  protocol text not null check (protocol in ('tcp', 'udp')),
  external_ports int4range not null,
  internal_ports int4range not null,
  description text not null default '',
  created_at timestamptz not null
);
create index on network.port_forwarding (floating_ip_id);
create index on network.port_forwarding (project_id);
create index on network.port_forwarding (internal_port_id);
call kit.protect('network.port_forwarding');

-- With forwardings an address goes through a router and to no one port.
alter table network.floating_ip drop constraint floating_ip_check;
alter table network.floating_ip add constraint associated_wholly check ((port_id is null) = (fixed_ip_address is null) and (port_id is null or router_id is not null));
