-- On which hosts a router's way out is, the preferred first, once an operator has said so; null: on any that its zones have.
alter table network.router add column gateway_hosts text[];
