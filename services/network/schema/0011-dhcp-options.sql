-- [{opt_name, opt_value, ip_version}]: what a guest is told beyond what its subnet says.
alter table network.port add column extra_dhcp_opts jsonb not null default '[]';
