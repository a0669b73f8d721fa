-- Who may use what belongs to another project. Objects repeat it, so that a policy needs one row to decide; indexes hold
-- only what is shared, and the policies say so too, or a list would look through everything that is not.
create table network.rbac_policy (
  id text primary key,
  -- Whose the object is.
  project_id text not null,
  -- Whose the policy is: the same, unless an administrator of another project made it.
  maker_project_id text not null,
  object_type text not null check (object_type in ('network', 'subnetpool', 'security_group', 'address_scope', 'address_group', 'qos_policy')),
  object_id text not null,
  action text not null check (action in ('access_as_shared', 'access_as_external')),
  -- A project, or '*' for all.
  target_tenant text not null,
  -- What came with `shared` or `router:external` is not the project's use.
  counted boolean not null default true,
  created_at timestamptz not null,
  constraint one_policy_of_a_target unique (object_id, action, target_tenant),
  check (action = 'access_as_shared' or object_type = 'network')
);
create index on network.rbac_policy (project_id);
create index on network.rbac_policy (maker_project_id);
call kit.protect('network.rbac_policy');

-- What is there is of every project.
set local intercloud.project to '*';

insert into network.rbac_policy (id, project_id, maker_project_id, object_type, object_id, action, target_tenant, counted, created_at)
  select md5('shared' || id)::uuid::text, project_id, project_id, 'network', id, 'access_as_shared', '*', false, created_at from network.network where shared
  union all select md5('external' || id)::uuid::text, project_id, project_id, 'network', id, 'access_as_external', '*', false, created_at from network.network where external
  union all select md5('shared' || id)::uuid::text, project_id, project_id, 'subnetpool', id, 'access_as_shared', '*', false, created_at from network.subnet_pool where shared;

drop policy shown_to_others on network.network;
drop policy shown_to_others on network.subnet;
drop policy shown_to_others on network.subnet_pool;

alter table network.network add column shared_with text[] not null default '{}', add column external_to text[] not null default '{}';
update network.network set shared_with = case when shared then '{*}'::text[] else '{}' end, external_to = case when external then '{*}'::text[] else '{}' end;
alter table network.network drop column shared, drop column external;
create index on network.network using gin (shared_with) where shared_with <> '{}';
create index on network.network using gin (external_to) where external_to <> '{}';
call kit.protect('network.network', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()] or external_to <> ''{}'' and external_to && array[''*'', kit.scope()]');

alter table network.subnet add column network_shared_with text[] not null default '{}', add column network_external_to text[] not null default '{}';
update network.subnet set network_shared_with = case when network_shared then '{*}'::text[] else '{}' end, network_external_to = case when network_external then '{*}'::text[] else '{}' end;
alter table network.subnet drop column network_shared, drop column network_external;
create index on network.subnet using gin (network_shared_with) where network_shared_with <> '{}';
create index on network.subnet using gin (network_external_to) where network_external_to <> '{}';
call kit.protect('network.subnet', 'network_shared_with <> ''{}'' and network_shared_with && array[''*'', kit.scope()] or network_external_to <> ''{}'' and network_external_to && array[''*'', kit.scope()] or kit.tenant_visible(network_project_id)');

alter table network.subnet_pool add column shared_with text[] not null default '{}';
update network.subnet_pool set shared_with = '{*}' where shared;
alter table network.subnet_pool drop column shared;
create index on network.subnet_pool using gin (shared_with) where shared_with <> '{}';
call kit.protect('network.subnet_pool', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()]');

alter table network.security_group add column shared_with text[] not null default '{}';
create index on network.security_group using gin (shared_with) where shared_with <> '{}';
call kit.protect('network.security_group', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()]');

alter table network.security_group_rule add column group_shared_with text[] not null default '{}';
create index on network.security_group_rule using gin (group_shared_with) where group_shared_with <> '{}';
call kit.protect('network.security_group_rule', 'group_shared_with <> ''{}'' and group_shared_with && array[''*'', kit.scope()]');

set local intercloud.project to '';

-- What is shared is used by projects that its owner cannot see: these look with everybody's eyes, and tell no more than they are asked.

-- Those of these groups that are there; none of them goes until the transaction ends.
create function network.hold_groups(ids text[]) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select id from network.security_group where id = any(ids) order by id for key share;
  perform set_config('intercloud.project', scope, true);
end $$;

-- Projects whose routers or floating addresses have something of this network.
create function network.users_of_external(object text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select distinct coalesce(r.project_id, p.project_id) from network.port p left join network.router r on r.id = p.router_id
    where p.network_id = object and p.device_owner in ('network:router_gateway', 'network:floatingip');
  perform set_config('intercloud.project', scope, true);
end $$;
