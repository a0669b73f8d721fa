-- As before, but it tries some places of a pool before it looks for the end of the run of used addresses that one of them is in:
-- runs can be hundreds of thousands long, and most places are free unless the pool is almost full.
create or replace function network.allocate(wanted_network text, wanted_subnet text, wanted_port text, chance double precision) returns inet
  language plpgsql
as $$
declare
  pool record;
  size numeric;
  place double precision;
  start inet;
  free inet;
begin
  for pool in select first, last from network.pool where subnet_id = wanted_subnet order by first loop
    size := least(network.distance(pool.first, pool.last) + 1, 2::numeric ^ 52);
    for attempt in 0..15 loop
      -- Steps of the golden section come nowhere near one another.
      place := chance + attempt * 0.6180339887498949;
      start := pool.first + floor((place - floor(place)) * size)::bigint;
      insert into network.allocation (network_id, address, subnet_id, port_id)
      values (wanted_network, start, wanted_subnet, wanted_port) on conflict do nothing;
      if found then return start; end if;
    end loop;
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
