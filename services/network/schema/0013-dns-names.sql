-- Names as they were given, in lower case; with a dot at the end they are whole.
alter table network.port add column dns_name text not null default '', add column dns_domain text not null default '';
alter table network.network add column dns_domain text not null default '';

-- Ports of a network, whosever they are, that have a name.
create function network.named_ports(network_id text) returns setof text
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select p.id from network.port p where p.network_id = named_ports.network_id and p.dns_name <> '';
  perform set_config('intercloud.project', scope, true);
end $$;
