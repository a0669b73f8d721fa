-- Ids, and where in a pool to begin, come with the statement: from the seed of whoever runs the cloud.
alter table network.network alter column id drop default;
alter table network.subnet alter column id drop default;
alter table network.router alter column id drop default;
alter table network.port alter column id drop default;
alter table network.floating_ip alter column id drop default;
alter table network.security_group alter column id drop default;
alter table network.security_group_rule alter column id drop default;
alter table network.subnet_pool alter column id drop default;

drop function network.allocate(text, text, text);

-- Takes a free address of the subnet's pools for the port; null when there is none left. `chance` (0 to 1) says where
-- in a pool it begins, so that those who ask at the same time seldom meet; those who do are told apart by the primary key.
create function network.allocate(wanted_network text, wanted_subnet text, wanted_port text, chance double precision) returns inet
  language plpgsql
as $$
declare
  pool record;
  start inet;
  free inet;
begin
  for pool in select first, last from network.pool where subnet_id = wanted_subnet order by first loop
    start := pool.first + floor(chance * least(network.distance(pool.first, pool.last) + 1, 2::numeric ^ 52))::bigint;
    loop
      free := coalesce(network.first_free(wanted_network, start, pool.last), network.first_free(wanted_network, pool.first, start));
      exit when free is null;
      insert into network.allocation (network_id, address, subnet_id, port_id)
      values (wanted_network, free, wanted_subnet, wanted_port) on conflict do nothing;
      if found then return free; end if;
      start := free;
    end loop;
  end loop;
  return null;
exception when foreign_key_violation then
  -- The subnet was deleted just now.
  return null;
end $$;
