-- What a region remembers of home, so that it goes on when it is cut off, also after a restart.
create schema home_link;

create table home_link.token_key (
  id integer primary key,
  secret bytea not null
);

create table home_link.role_name (
  number integer primary key,
  name text not null
);

create table home_link.revocation (
  id bigint primary key,
  subject text not null,
  at timestamptz not null
);
create index on home_link.revocation (at);

create table home_link.cursor (
  only_row boolean primary key default true check (only_row),
  -- null: nothing was heard yet
  position text
);
insert into home_link.cursor (position) values (null);
