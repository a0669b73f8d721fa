-- Of which numbers networks get theirs: VLANs of physical networks, and tunnels. The operator's: no project's.
create table network.segment_range (
  id text primary key,
  name text not null,
  description text not null,
  -- What the program has from the beginning.
  is_default boolean not null default false,
  -- Whose networks get numbers of it before any other, and nobody else's do; null: everybody's.
  for_project text,
  network_type text not null check (network_type in ('geneve', 'vlan')),
  -- '' of tunnels.
  physical_network text not null,
  minimum integer not null,
  maximum integer not null,
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (minimum between 1 and maximum and (network_type = 'vlan') = (physical_network <> '') and maximum <= case network_type when 'vlan' then 4094 else 16711679 end)
);
insert into network.segment_range (id, name, description, is_default, network_type, physical_network, minimum, maximum, created_at, updated_at)
  values (md5('tunnels')::uuid::text, '', '', true, 'geneve', '', 1, 262143, '2026-01-01', '2026-01-01');

-- Tunnels have numbers too. Those that are older than this have what OVN gave them.
alter table network.network drop constraint only_on_a_physical_network, drop constraint network_segmentation_id_check,
  add constraint numbers_of_segments check (segmentation_id >= 1 and segmentation_id <= case when physical_network is null then 16711679 else 4094 end);
create unique index one_network_in_a_tunnel on network.network (segmentation_id) where physical_network is null and segmentation_id is not null;

-- Goes around, so that who draws seldom meets what is taken, nor one another.
create sequence network.tunnel_number as integer maxvalue 262143 cycle;

-- A number for a network of this project, or null when all are taken. `place`: the physical network, '' for tunnels.
create function network.free_segment(wanted_type text, place text, project text) returns integer
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
  found integer;
  bounds record;
begin
  perform set_config('intercloud.project', '*', true);
  if wanted_type = 'geneve' and not exists (select from network.segment_range r where r.network_type = 'geneve' and r.for_project = project) then
    for attempt in 1..50 loop
      found := nextval('network.tunnel_number');
      exit when exists (select from network.segment_range r where r.network_type = 'geneve' and r.for_project is null and found between r.minimum and r.maximum)
        and not exists (select from network.segment_range r where r.network_type = 'geneve' and r.for_project <> project and found between r.minimum and r.maximum)
        and not exists (select from network.network n where n.physical_network is null and n.segmentation_id = found);
      found := null;
    end loop;
  end if;
  if found is null then
    -- Whoever looks through a range waits for who has just done so.
    perform pg_advisory_xact_lock(hashtext('network.free_segment'), hashtext(place));
    for bounds in
      select r.minimum, r.maximum from network.segment_range r where r.network_type = wanted_type and r.physical_network = place and (r.for_project is null or r.for_project = project)
      order by r.for_project is null, r.minimum
    loop
      select number into found from generate_series(bounds.minimum, bounds.maximum) number
        where not exists (select from network.network n where n.physical_network is not distinct from nullif(place, '') and n.segmentation_id = number)
          and not exists (select from network.segment_range r where r.network_type = wanted_type and r.physical_network = place and r.for_project <> project and number between r.minimum and r.maximum)
        limit 1;
      exit when found is not null;
    end loop;
  end if;
  perform set_config('intercloud.project', scope, true);
  return found;
end $$;
