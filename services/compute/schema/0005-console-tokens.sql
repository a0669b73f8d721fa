-- Who may open which console, once, and until when. The token itself is nowhere.
create table compute.console_token (
  digest text primary key,
  project_id text not null,
  user_id text not null,
  server_id text not null,
  -- Where the server was then: one that has moved is another console.
  host_id text not null,
  kind text not null check (kind in ('vnc', 'serial')),
  -- Of the pages that may open it in a browser.
  origin text not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

create index console_token_expiring on compute.console_token (expires_at);

call kit.protect('compute.console_token');
