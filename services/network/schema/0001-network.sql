-- Columns carry Neutron's words, which are also those of the contract.
create schema network;

-- One row order for all: whatever is marked later has the greater generation, a resource made anew too.
create sequence network.generation;

create table network.network (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  name text not null,
  description text not null default '',
  admin_state_up boolean not null,
  shared boolean not null default false,
  external boolean not null default false,
  is_default boolean not null default false,
  mtu integer not null check (mtu between 68 and 65535),
  port_security_enabled boolean not null,
  physical_network text,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.network (project_id);
create index on network.network (id) where shared or external;
create unique index one_network_on_a_physical_network on network.network (physical_network) where physical_network is not null;

-- What the network allows others is repeated on what hangs on it, so that a policy needs one row to decide.
create table network.subnet (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  network_id text not null references network.network,
  network_project_id text not null,
  network_shared boolean not null,
  network_external boolean not null,
  name text not null,
  description text not null default '',
  ip_version smallint not null check (ip_version in (4, 6)),
  cidr cidr not null check (family(cidr) = ip_version),
  gateway_ip inet,
  enable_dhcp boolean not null,
  dns_nameservers text[] not null default '{}',
  host_routes jsonb not null default '[]',
  ipv6_ra_mode text,
  ipv6_address_mode text,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.subnet (project_id);
create index on network.subnet (network_id);
create index on network.subnet (network_project_id);
create index on network.subnet (id) where network_shared or network_external;

create table network.pool (
  subnet_id text not null references network.subnet on delete cascade,
  first inet not null,
  last inet not null check (last >= first),
  primary key (subnet_id, first)
);

create table network.router (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  name text not null,
  description text not null default '',
  admin_state_up boolean not null,
  status text not null default 'ACTIVE',
  enable_snat boolean not null default true,
  routes jsonb not null default '[]',
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.router (project_id);

create table network.port (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  network_id text not null references network.network,
  network_project_id text not null,
  -- The cloud's own (a router's gateway, a floating address): for its project it does not exist, and it is not counted.
  internal boolean not null default false,
  name text not null,
  description text not null default '',
  admin_state_up boolean not null,
  mac_address text not null,
  device_id text not null default '',
  device_owner text not null default '',
  -- The router whose interface or gateway it is.
  router_id text references network.router,
  status text not null default 'DOWN',
  port_security_enabled boolean not null,
  allowed_address_pairs jsonb not null default '[]',
  host_id text not null default '',
  vnic_type text not null default 'normal',
  profile jsonb not null default '{}',
  -- The server that took it: compute's word. `device_id` is whatever the project writes there.
  server_id text,
  made_for_server boolean not null default false,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint mac_address_in_network unique (network_id, mac_address)
);
create index on network.port (project_id);
create index on network.port (network_project_id);
create index on network.port (device_id) where device_id <> '';
create index on network.port (server_id) where server_id is not null;
create index on network.port (router_id) where router_id is not null;
-- One gateway a router, one service port a network: whoever comes second is refused.
create unique index one_gateway_of_a_router on network.port (router_id) where device_owner = 'network:router_gateway';
create unique index one_service_port_of_a_network on network.port (network_id) where device_owner = 'network:distributed';

-- Every address in use, whoever uses it: not bound to a project, because two projects on a shared network
-- must not be given the same one. It is only ever read through a port, which is.
create table network.allocation (
  network_id text not null,
  address inet not null,
  subnet_id text not null references network.subnet,
  port_id text not null references network.port on delete cascade,
  constraint address_in_network primary key (network_id, address)
);
create index on network.allocation (subnet_id, address);
create index on network.allocation (port_id);

create table network.floating_ip (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  floating_network_id text not null references network.network,
  floating_port_id text not null references network.port,
  floating_ip_address inet not null,
  port_id text references network.port,
  fixed_ip_address inet,
  router_id text references network.router,
  description text not null default '',
  status text not null default 'DOWN',
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((port_id is null) = (fixed_ip_address is null) and (port_id is null) = (router_id is null)),
  constraint one_floating_ip_of_an_address unique (floating_network_id, port_id, fixed_ip_address)
);
create index on network.floating_ip (project_id);
create index on network.floating_ip (port_id) where port_id is not null;
create index on network.floating_ip (router_id) where router_id is not null;
create unique index on network.floating_ip (floating_port_id);

create table network.security_group (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  name text not null,
  description text not null default '',
  stateful boolean not null default true,
  is_default boolean not null default false,
  tags text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.security_group (project_id);
create unique index one_default_group_of_a_project on network.security_group (project_id) where is_default;

create table network.security_group_rule (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  security_group_id text not null references network.security_group on delete cascade,
  direction text not null check (direction in ('ingress', 'egress')),
  ethertype text not null check (ethertype in ('IPv4', 'IPv6')),
  protocol text,
  port_range_min integer,
  port_range_max integer,
  remote_group_id text references network.security_group on delete cascade,
  remote_ip_prefix text,
  normalized_cidr cidr,
  -- The rules with which a group begins are the cloud's gift, not the project's use.
  counted boolean not null default true,
  description text not null default '',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (remote_group_id is null or remote_ip_prefix is null)
);
create index on network.security_group_rule (project_id);
create index on network.security_group_rule (remote_group_id) where remote_group_id is not null;
-- Nulls are alike here: "any protocol" twice is the same rule twice.
create unique index same_rule on network.security_group_rule
  (security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, remote_group_id, normalized_cidr) nulls not distinct;

create table network.port_security_group (
  port_id text not null references network.port on delete cascade,
  security_group_id text not null references network.security_group,
  primary key (port_id, security_group_id)
);
create index on network.port_security_group (security_group_id);

-- What the engine must be told. A row stays as long as the resource does, so that generations only grow.
create table network.projection (
  kind text not null,
  id text not null,
  generation bigint not null,
  dirty_since timestamptz,
  retry_at timestamptz,
  failures integer not null default 0,
  primary key (kind, id)
);
create index on network.projection (dirty_since) where dirty_since is not null;

-- The first address from here to there that nobody has; null when there is none. Looks only at the run of
-- used addresses that begins at `first`.
create function network.first_free(wanted_network text, first inet, last inet) returns inet
  language sql stable
as $$
  select case
    when first > last then null
    when not exists (select from network.allocation where network_id = wanted_network and address = first) then first
    else (
      select used.address + 1 from network.allocation used
      where used.network_id = wanted_network and used.address >= first and used.address < last
        and not exists (select from network.allocation next where next.network_id = wanted_network and next.address = used.address + 1)
      order by used.address limit 1)
  end
$$;

-- Takes a free address of the subnet's pools for the port; null when there is none left. Begins anywhere in a
-- pool, so that those who ask at the same time seldom meet; those who do are told apart by the primary key.
create function network.allocate(wanted_network text, wanted_subnet text, wanted_port text) returns inet
  language plpgsql
as $$
declare
  pool record;
  start inet;
  free inet;
begin
  for pool in select first, last from network.pool where subnet_id = wanted_subnet order by first loop
    start := pool.first + floor(random() * least(network.distance(pool.first, pool.last) + 1, 2::numeric ^ 52))::bigint;
    loop
      free := coalesce(network.first_free(wanted_network, start, pool.last), network.first_free(wanted_network, pool.first, start));
      exit when free is null;
      insert into network.allocation (network_id, address, subnet_id, port_id)
      values (wanted_network, free, wanted_subnet, wanted_port) on conflict do nothing;
      if found then return free; end if;
      start := free;
    end loop;
  end loop;
  return null;
exception when foreign_key_violation then
  -- The subnet was deleted just now.
  return null;
end $$;

-- Takes this address for the port; false when somebody has it, or when the subnet was deleted just now.
create function network.take(wanted_network text, wanted_subnet text, wanted_port text, wanted inet) returns boolean
  language plpgsql
as $$
begin
  insert into network.allocation (network_id, address, subnet_id, port_id)
  values (wanted_network, wanted, wanted_subnet, wanted_port) on conflict do nothing;
  return found;
exception when foreign_key_violation then
  return false;
end $$;

-- PostgreSQL's own difference of addresses fails beyond 63 bits.
create function network.distance(first inet, last inet) returns numeric
  language sql immutable
as $$
  select sum(((get_byte(l, n) - get_byte(f, n))::numeric) * (256::numeric ^ (octet_length(l) - 1 - n)))
  from (select substring(inet_send(last) from 5) l, substring(inet_send(first) from 5) f) b, generate_series(0, octet_length(b.l) - 1) n
$$;

call kit.protect('network.network', 'shared or external');
call kit.protect('network.subnet', 'network_shared or network_external or kit.tenant_visible(network_project_id)');
call kit.protect('network.port', 'kit.tenant_visible(network_project_id)');
call kit.protect('network.router');
call kit.protect('network.floating_ip');
call kit.protect('network.security_group');
call kit.protect('network.security_group_rule');
