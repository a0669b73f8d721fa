create table network.address_group (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null default '',
  addresses cidr[] not null default '{}',
  shared_with text[] not null default '{}',
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.address_group (project_id);
create index on network.address_group using gin (shared_with);
call kit.protect('network.address_group', 'shared_with && array[''*'', kit.scope()]');

alter table network.security_group_rule add column remote_address_group_id text references network.address_group;
create index on network.security_group_rule (remote_address_group_id) where remote_address_group_id is not null;
drop index network.same_rule;
create unique index same_rule on network.security_group_rule
  (security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, remote_group_id, remote_address_group_id, normalized_cidr) nulls not distinct;

-- Security groups, whosever they are, with rules that name an address group.
create function network.groups_naming(address_group text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select distinct r.security_group_id from network.security_group_rule r where r.remote_address_group_id = address_group;
  perform set_config('intercloud.project', scope, true);
end $$;

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
    where kind = 'address_group' and r.remote_address_group_id = object and r.project_id <> o.project_id;
  perform set_config('intercloud.project', scope, true);
end $$;
