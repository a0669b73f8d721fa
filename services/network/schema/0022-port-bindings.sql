-- Hosts besides the port's own where it may be plugged in next, as while its server moves: [{host, vnic_type, profile, bound}]. Few, and always read with the port.
alter table network.port add column other_bindings jsonb not null default '[]';

-- Another device is elsewhere, and a host is named once.
create function network.keep_other_bindings() returns trigger
  language plpgsql
as $$
begin
  new.other_bindings := case when new.device_id is distinct from old.device_id then '[]'
    else coalesce((select jsonb_agg(b order by place) from jsonb_array_elements(new.other_bindings) with ordinality as one (b, place) where b ->> 'host' <> new.host_id), '[]') end;
  return new;
end $$;
create trigger keep_other_bindings before update of device_id, host_id, other_bindings on network.port
  for each row when (old.other_bindings <> '[]' or new.other_bindings <> '[]') execute function network.keep_other_bindings();

-- One is always in force, if only to no host.
create view network.port_binding with (security_invoker = true) as
  select p.id as port_id, p.project_id, 'active/' || p.host_id as id, p.host_id as host, case p.host_id when '' then 'unbound' else 'ovs' end as vif_type, p.vnic_type, p.profile, 'ACTIVE' as status from network.port p
  union all
  select p.id, p.project_id, b ->> 'host', b ->> 'host', case when (b -> 'bound')::boolean then 'ovs' else 'unbound' end, b ->> 'vnic_type', b -> 'profile', 'INACTIVE' from network.port p, jsonb_array_elements(p.other_bindings) b;
