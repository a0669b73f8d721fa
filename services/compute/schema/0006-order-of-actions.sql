-- Of what was asked within one millisecond the order is kept too. nova orders by its rows' numbers (nova/objects/instance_action.py)
alter table compute.action add column number bigint generated always as identity;
