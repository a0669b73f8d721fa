-- Servers of which the network has changed what their guests may know about themselves: a row until compute has taken it.
create table network.server_news (
  server_id text primary key,
  since timestamptz not null
);
