-- Device owners whose ports take addresses here by themselves; empty: of all.
alter table network.subnet add column service_types text[] not null default '{}';
