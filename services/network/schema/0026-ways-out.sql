-- A router may have several ways out: its own, at 0, and others behind it.
alter table network.port add column gateway_place integer not null default 0;
drop index network.one_gateway_of_a_router;
create unique index one_gateway_of_a_router on network.port (router_id, gateway_place) where device_owner = 'network:router_gateway';
-- Whether all of them are taken, by turns; and whether one whose next hop is silent is left alone.
alter table network.router add column enable_default_route_ecmp boolean not null default false, add column enable_default_route_bfd boolean not null default false;
