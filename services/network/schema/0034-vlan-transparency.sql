-- Whether guests of a network have VLANs of their own on it.
alter table network.network add column vlan_transparent boolean not null default false;
