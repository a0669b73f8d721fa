create table network.address_scope (
  id text primary key,
  project_id text not null,
  name text not null,
  ip_version smallint not null check (ip_version in (4, 6)),
  shared_with text[] not null default '{}',
  created_at timestamptz not null
);
create index on network.address_scope (project_id);
create index on network.address_scope using gin (shared_with);
call kit.protect('network.address_scope', 'shared_with && array[''*'', kit.scope()]');

alter table network.subnet_pool add column address_scope_id text references network.address_scope;
create index on network.subnet_pool (address_scope_id) where address_scope_id is not null;

-- Pools of one scope, whosever they are: their prefixes must not overlap.
create function network.pools_of_scope(scope_id text) returns table (id text, prefixes text[])
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select p.id, p.prefixes::text[] from network.subnet_pool p where p.address_scope_id = scope_id;
  perform set_config('intercloud.project', scope, true);
end $$;

-- The scope of a network's addresses of one version: that of the pool from which all its subnets are.
create function network.scope_of(network text, version integer) returns text
  language sql stable
as $$
  select p.address_scope_id from network.subnet s join network.pool_allocation a on a.subnet_id = s.id join network.subnet_pool p on p.id = a.pool_id
  where s.network_id = network and s.ip_version = version limit 1
$$;

create or replace function network.users_of_shared(kind text, object text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select distinct p.project_id from network.port p join network.network n on n.id = p.network_id
    where kind = 'network' and p.network_id = object and not p.internal and p.device_owner <> 'network:distributed' and p.project_id <> n.project_id
  union select distinct s.project_id from network.subnet s join network.network n on n.id = s.network_id
    where kind = 'network' and s.network_id = object and s.project_id <> n.project_id
  union select distinct a.taker_project_id from network.pool_allocation a join network.subnet_pool o on o.id = a.pool_id
    where kind = 'subnetpool' and a.pool_id = object and a.taker_project_id <> o.project_id
  union select distinct p.project_id from network.port_security_group g join network.port p on p.id = g.port_id join network.security_group o on o.id = g.security_group_id
    where kind = 'security_group' and g.security_group_id = object and p.project_id <> o.project_id
  union select distinct p.project_id from network.subnet_pool p join network.address_scope o on o.id = p.address_scope_id
    where kind = 'address_scope' and p.address_scope_id = object and p.project_id <> o.project_id;
  perform set_config('intercloud.project', scope, true);
end $$;
