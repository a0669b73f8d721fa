alter table network.floating_ip add column qos_policy_id text references network.qos_policy;
create index on network.floating_ip (qos_policy_id) where qos_policy_id is not null;
alter table network.router add column qos_policy_id text references network.qos_policy;
create index on network.router (qos_policy_id) where qos_policy_id is not null;

-- Floating addresses and routers, whosever they are, whose traffic a policy bounds outside: their own, or their external network's where they have none.
create function network.outside_under(policy text) returns table (kind text, id text)
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select 'floating-ip', f.id from network.floating_ip f where f.qos_policy_id = policy
    union select 'floating-ip', f.id from network.network n join network.floating_ip f on f.floating_network_id = n.id where n.qos_policy_id = policy and f.qos_policy_id is null
    union select 'router', r.id from network.router r where r.qos_policy_id = policy
    union select 'router', r.id from network.network n join network.port p on p.network_id = n.id and p.device_owner = 'network:router_gateway'
      join network.router r on r.id = p.router_id where n.qos_policy_id = policy and r.qos_policy_id is null;
  perform set_config('intercloud.project', scope, true);
end $$;

-- Floating addresses and routers, whosever they are, that are bounded by what their external network says.
create function network.outside_of(network text) returns table (kind text, id text)
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select 'floating-ip', f.id from network.floating_ip f where f.floating_network_id = network and f.qos_policy_id is null
    union select 'router', r.id from network.port p join network.router r on r.id = p.router_id
      where p.network_id = network and p.device_owner = 'network:router_gateway' and r.qos_policy_id is null;
  perform set_config('intercloud.project', scope, true);
end $$;

create or replace function network.use_of_qos_policy(policy text) returns table (kind text, id text)
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query (select 'network', n.id from network.network n where n.qos_policy_id = policy limit 1) union all (select 'port', p.id from network.port p where p.qos_policy_id = policy limit 1)
    union all (select 'floatingip', f.id from network.floating_ip f where f.qos_policy_id = policy limit 1)
    union all (select 'router', r.id from network.router r where r.qos_policy_id = policy limit 1);
  perform set_config('intercloud.project', scope, true);
end $$;

-- Projects, other than its owner's, that have something of theirs on a shared object.
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
    where kind = 'address_scope' and p.address_scope_id = object and p.project_id <> o.project_id
  union select distinct r.project_id from network.security_group_rule r join network.address_group o on o.id = r.remote_address_group_id
    where kind = 'address_group' and r.remote_address_group_id = object and r.project_id <> o.project_id
  union select distinct n.project_id from network.network n join network.qos_policy o on o.id = n.qos_policy_id
    where kind = 'qos_policy' and n.qos_policy_id = object and n.project_id <> o.project_id
  union select distinct p.project_id from network.port p join network.qos_policy o on o.id = p.qos_policy_id
    where kind = 'qos_policy' and p.qos_policy_id = object and p.project_id <> o.project_id
  union select distinct f.project_id from network.floating_ip f join network.qos_policy o on o.id = f.qos_policy_id
    where kind = 'qos_policy' and f.qos_policy_id = object and f.project_id <> o.project_id
  union select distinct r.project_id from network.router r join network.qos_policy o on o.id = r.qos_policy_id
    where kind = 'qos_policy' and r.qos_policy_id = object and r.project_id <> o.project_id;
  perform set_config('intercloud.project', scope, true);
end $$;
