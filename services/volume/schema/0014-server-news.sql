-- Servers one of whose volumes has grown while they use it: a row until compute has taken it.
create table volume.server_news (
  server_id text not null,
  request_id text not null,
  user_id text not null,
  happened_at timestamptz not null,
  primary key (server_id, request_id)
);
