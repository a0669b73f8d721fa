-- A server's disk is a file of one host; while it goes from one to another, several were given the server.
--   coming: it is told to make the disk; holds: the disk is here, and here only may the server run;
--   lost: it went elsewhere without this host, which removes what it still has before it is told anything else.
alter table region.host_server
  add column state text not null default 'holds' check (state in ('coming', 'holds', 'lost')),
  -- As the specification counts it: of a larger one the disk is made anew, and nothing has to be brought.
  add column disk_epoch integer not null default 0,
  drop constraint host_server_pkey,
  add primary key (server_id, host_id);
create unique index on region.host_server (server_id) where state = 'holds';
