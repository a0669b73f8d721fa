-- What IP asks of a link is asked once there is a subnet on it.
alter table network.network drop constraint network_mtu_check, add constraint network_mtu_check check (mtu between 1 and 65535);
