create table network.qos_policy (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null default '',
  is_default boolean not null default false,
  -- [{id, type, max_kbps, max_burst_kbps, direction, dscp_mark, min_kbps}]: few, and always read together.
  rules jsonb not null default '[]',
  shared_with text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.qos_policy (project_id);
create index on network.qos_policy using gin (shared_with) where shared_with <> '{}';
create index on network.qos_policy using gin (rules jsonb_path_ops);
create unique index one_default_qos_policy_of_a_project on network.qos_policy (project_id) where is_default;
call kit.protect('network.qos_policy', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()]');

alter table network.network add column qos_policy_id text references network.qos_policy;
create index on network.network (qos_policy_id) where qos_policy_id is not null;
alter table network.port add column qos_policy_id text references network.qos_policy;
create index on network.port (qos_policy_id) where qos_policy_id is not null;

-- Ports, whosever they are, whose traffic a policy bounds: its own, and guests on its networks that have none of their own.
create function network.ports_under(policy text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select p.id from network.port p where p.qos_policy_id = policy
    union select p.id from network.network n join network.port p on p.network_id = n.id where n.qos_policy_id = policy and p.qos_policy_id is null;
  perform set_config('intercloud.project', scope, true);
end $$;

-- What a policy is used by, whosever it is.
create function network.use_of_qos_policy(policy text) returns table (kind text, id text)
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query (select 'network', n.id from network.network n where n.qos_policy_id = policy limit 1) union all (select 'port', p.id from network.port p where p.qos_policy_id = policy limit 1);
  perform set_config('intercloud.project', scope, true);
end $$;

-- Projects, other than its owner's, that have something of theirs on a shared object.
create function network.users_of_shared(kind text, object text) returns setof text
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
    where kind = 'qos_policy' and p.qos_policy_id = object and p.project_id <> o.project_id;
  perform set_config('intercloud.project', scope, true);
end $$;
