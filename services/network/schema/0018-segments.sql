-- A network's one segment: where and in which VLAN it is on a physical network. It has an id, and may have a name, of its own.
alter table network.network add column segmentation_id integer check (segmentation_id between 1 and 4094),
  add column segment_id text not null default gen_random_uuid()::text, add column segment_name text, add column segment_description text,
  add constraint only_on_a_physical_network check (segmentation_id is null or physical_network is not null);
-- Ids come with the statement, from the seed of whoever runs the cloud.
alter table network.network alter column segment_id drop default;
create unique index on network.network (segment_id);
drop index network.one_network_on_a_physical_network;
create unique index one_network_in_a_place on network.network (physical_network, segmentation_id) nulls not distinct where physical_network is not null;
