-- What an operator's own watch of the data plane says of a port; null: nothing.
alter table network.port add column data_plane_status text check (data_plane_status in ('ACTIVE', 'DOWN'));
