-- IPv6 addresses inside for which a router answers neighbours outside.
alter table network.router add column enable_ndp_proxy boolean not null default false;
create table network.ndp_proxy (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null,
  router_id text not null references network.router,
  port_id text not null references network.port on delete cascade,
  ip_address inet not null check (family(ip_address) = 6),
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint one_proxy_of_an_address unique (router_id, ip_address)
);
create index on network.ndp_proxy (port_id);
create index on network.ndp_proxy (project_id);
call kit.protect('network.ndp_proxy');

-- In which scope the IPv6 addresses of a network are, whoever may see that.
create function network.scope6_of(network text) returns text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
  found text;
begin
  perform set_config('intercloud.project', '*', true);
  select p.address_scope_id into found from network.subnet s join network.pool_allocation a on a.subnet_id = s.id join network.subnet_pool p on p.id = a.pool_id where s.network_id = network and s.ip_version = 6 limit 1;
  perform set_config('intercloud.project', scope, true);
  return found;
end $$;
