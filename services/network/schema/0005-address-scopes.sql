create table network.address_scope (
  id text primary key,
  project_id text not null,
  name text not null,
  ip_version smallint not null check (ip_version in (4, 6)),
  shared_with text[] not null default '{}',
  created_at timestamptz not null
);
create index on network.address_scope (project_id);
create index on network.address_scope using gin (shared_with) where shared_with <> '{}';
call kit.protect('network.address_scope', 'shared_with <> ''{}'' and shared_with && array[''*'', kit.scope()]');

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
