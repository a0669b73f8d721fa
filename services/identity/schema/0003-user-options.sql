-- What is asked of this user alone: by which methods they must log in, for example.
alter table identity."user" add column options jsonb not null default '{}';
