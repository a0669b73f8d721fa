-- Rules with which security groups begin. The operator's: no project's, and seen by everybody.
create table network.default_security_group_rule (
  id text primary key,
  direction text not null check (direction in ('ingress', 'egress')),
  ethertype text not null check (ethertype in ('IPv4', 'IPv6')),
  protocol text,
  port_range_min integer,
  port_range_max integer,
  -- From or to whoever is in the group that the rule is made in.
  of_members boolean not null,
  remote_group_id text references network.security_group on delete cascade,
  remote_address_group_id text references network.address_group,
  remote_ip_prefix text,
  normalized_cidr cidr,
  description text not null,
  used_in_default_sg boolean not null,
  used_in_non_default_sg boolean not null,
  check (num_nulls(remote_group_id, remote_address_group_id, remote_ip_prefix) >= 2 and not (of_members and num_nonnulls(remote_group_id, remote_address_group_id, remote_ip_prefix) > 0))
);
create index on network.default_security_group_rule (remote_group_id) where remote_group_id is not null;
create index on network.default_security_group_rule (remote_address_group_id) where remote_address_group_id is not null;

-- neutron's migration c33da356b165: what was always so.
insert into network.default_security_group_rule (id, direction, ethertype, of_members, description, used_in_default_sg, used_in_non_default_sg)
select gen_random_uuid()::text, direction, ethertype, direction = 'ingress', 'Legacy default SG rule for ' || direction || ' traffic', true, direction = 'egress'
from unnest(array['egress', 'ingress']) direction, unnest(array['IPv4', 'IPv6']) ethertype;
