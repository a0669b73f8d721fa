alter table network.qos_policy add column tags text[] not null default '{}';
