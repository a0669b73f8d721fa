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
create index on network.address_group using gin (shared_with) where shared_with <> '{}';
call kit.protect('network.address_group', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()]');

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
