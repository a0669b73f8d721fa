-- On how many hosts a router's way out is kept ready, and in which zones these are; no zone: in any.
alter table network.router add column ha boolean not null default true, add column availability_zone_hints text[] not null default '{}';
