-- Where networks are: each on one segment or several, the first made with it. The operator's: who sees a network may know them.
create table network.segment (
  id text primary key,
  network_id text not null references network.network,
  -- In which order: whoever needs one takes the first.
  segment_index integer not null,
  name text,
  description text,
  physical_network text,
  segmentation_id integer,
  network_type text not null generated always as (case when physical_network is null then 'geneve' when segmentation_id is null then 'flat' else 'vlan' end) stored,
  revision_number integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  constraint numbers_of_segments check (segmentation_id >= 1 and segmentation_id <= case when physical_network is null then 16711679 else 4094 end),
  unique (network_id, segment_index)
);

-- What is there is of every project.
set local intercloud.project to '*';
insert into network.segment (id, network_id, segment_index, name, description, physical_network, segmentation_id, revision_number, created_at, updated_at)
  select segment_id, id, 0, segment_name, segment_description, physical_network, segmentation_id, revision_number, created_at, updated_at from network.network;

create unique index one_segment_in_a_place on network.segment (physical_network, segmentation_id) nulls not distinct where physical_network is not null;
create unique index one_segment_in_a_tunnel on network.segment (segmentation_id) where physical_network is null and segmentation_id is not null;

alter table network.network drop column segment_id, drop column segment_name, drop column segment_description, drop column physical_network, drop column segmentation_id;

-- As before, of all segments.
create or replace function network.free_segment(wanted_type text, place text, project text) returns integer
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
        and not exists (select from network.segment s where s.physical_network is null and s.segmentation_id = found);
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
        where not exists (select from network.segment s where s.physical_network is not distinct from nullif(place, '') and s.segmentation_id = number)
          and not exists (select from network.segment_range r where r.network_type = wanted_type and r.physical_network = place and r.for_project <> project and number between r.minimum and r.maximum)
        limit 1;
      exit when found is not null;
    end loop;
  end if;
  perform set_config('intercloud.project', scope, true);
  return found;
end $$;
