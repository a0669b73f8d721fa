-- Addresses that lead guests to whatever port on their own host answers to them.
create table network.local_ip (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null,
  -- Whose address it is: one that somebody has, or one made for it. Goes with it.
  local_port_id text not null references network.port on delete cascade,
  network_id text not null references network.network,
  local_ip_address inet not null,
  ip_mode text not null check (ip_mode in ('translate', 'passthrough')),
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index on network.local_ip (project_id);
create index on network.local_ip (local_port_id);
create index on network.local_ip (network_id);
call kit.protect('network.local_ip');

-- Found through its address alone.
create table network.local_ip_association (
  local_ip_id text not null references network.local_ip on delete cascade,
  fixed_port_id text not null references network.port on delete cascade,
  fixed_ip inet not null,
  created_at timestamptz not null,
  primary key (local_ip_id, fixed_port_id)
);
create index on network.local_ip_association (fixed_port_id);

-- Ports that the engine is to be told of anew when something of these changes, whoever's they are.
create function network.ports_around(ports text[]) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query
    select l.local_port_id from network.local_ip_association a join network.local_ip l on l.id = a.local_ip_id where a.fixed_port_id = any(ports)
    union select b.fixed_port_id from network.local_ip_association a join network.local_ip_association b using (local_ip_id) where a.fixed_port_id = any(ports)
    union select a.fixed_port_id from network.local_ip l join network.local_ip_association a on a.local_ip_id = l.id where l.local_port_id = any(ports);
  perform set_config('intercloud.project', scope, true);
end $$;
