-- Whom policies let use an object, whosever it is: who shares what hangs on it does not see them.
create function network.targets_of(object text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select p.target_tenant from network.rbac_policy p where p.object_id = object and p.action = 'access_as_shared';
  perform set_config('intercloud.project', scope, true);
end $$;

-- Projects that have something of theirs on a shared object; of a network, others than its owner's.
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
  union select distinct a.taker_project_id from network.pool_allocation a
    where kind = 'subnetpool' and a.pool_id = object
  union select distinct p.project_id from network.port_security_group g join network.port p on p.id = g.port_id
    where kind = 'security_group' and g.security_group_id = object
  union select distinct p.project_id from network.subnet_pool p
    where kind = 'address_scope' and p.address_scope_id = object
  union select distinct r.project_id from network.security_group_rule r
    where kind = 'address_group' and r.remote_address_group_id = object
  union select distinct n.project_id from network.network n
    where kind = 'qos_policy' and n.qos_policy_id = object
  union select distinct p.project_id from network.port p
    where kind = 'qos_policy' and p.qos_policy_id = object
  union select distinct f.project_id from network.floating_ip f
    where kind = 'qos_policy' and f.qos_policy_id = object
  union select distinct r.project_id from network.router r
    where kind = 'qos_policy' and r.qos_policy_id = object;
  perform set_config('intercloud.project', scope, true);
end $$;
