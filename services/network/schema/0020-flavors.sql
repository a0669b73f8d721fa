-- Flavors of network services. The operator's: no project's.
create table network.flavor (
  id text primary key,
  name text not null,
  description text,
  service_type text not null,
  enabled boolean not null
);

create table network.service_profile (
  id text primary key,
  description text,
  driver text not null,
  metainfo text not null,
  enabled boolean not null
);

create table network.flavor_service_profile (
  flavor_id text not null references network.flavor on delete cascade,
  service_profile_id text not null references network.service_profile,
  primary key (flavor_id, service_profile_id)
);
create index on network.flavor_service_profile (service_profile_id);
