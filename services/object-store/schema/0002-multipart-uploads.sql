-- Objects that come in parts, and what doors keep with a container besides its headers.

-- For doors only: never shown as they are.
alter table object_store.container add column facts jsonb not null default '{}';

-- One that was begun; it is nothing that can be seen until it is completed.
create table object_store.upload (
  -- Its name for clients; nobody guesses it.
  id text primary key check (id ~ '^[0-9a-f]{32}$'),
  project_id text not null,
  container_id bigint not null references object_store.container,
  name text not null check (octet_length(name) between 1 and 1024),
  content_type text not null,
  headers jsonb not null,
  facts jsonb not null,
  started_at timestamptz not null
);

create index upload_of_container on object_store.upload (container_id, name, id);
create index upload_by_age on object_store.upload (started_at);

-- What has come of it: of a number that comes again, the last.
create table object_store.upload_part (
  upload_id text not null references object_store.upload on delete cascade,
  number integer not null check (number between 1 and 10000),
  project_id text not null,
  container_id bigint not null,
  sha256 text not null,
  size_bytes bigint not null,
  md5 text not null,
  facts jsonb not null,
  written_at timestamptz not null,
  primary key (upload_id, number),
  foreign key (project_id, sha256) references object_store.blob
);

create index upload_part_bytes on object_store.upload_part (project_id, sha256);

create trigger lets_go after delete on object_store.upload_part for each row execute function object_store.let_go();

-- What was replaced is let go of too.
create function object_store.let_go_of_replaced() returns trigger language plpgsql as $$
begin
  if old.sha256 <> new.sha256 then
    insert into object_store.loose (project_id, sha256) values (old.project_id, old.sha256);
  end if;
  return null;
end $$;

create trigger lets_go_of_replaced after update on object_store.upload_part for each row execute function object_store.let_go_of_replaced();

-- Parts take room before their object is there: else nobody would ever complete one.
create function object_store.count_part() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into object_store.usage_change (project_id, container_id, bytes) values (old.project_id, old.container_id, -old.size_bytes);
  end if;
  if tg_op <> 'DELETE' then
    insert into object_store.usage_change (project_id, container_id, bytes) values (new.project_id, new.container_id, new.size_bytes);
  end if;
  return null;
end $$;

create trigger counted after insert or delete or update of size_bytes on object_store.upload_part
  for each row execute function object_store.count_part();

-- Containers whose objects are to go by themselves.
create index container_with_lifecycle on object_store.container (id) where facts ? 'lifecycle';

call kit.protect('object_store.upload');
call kit.protect('object_store.upload_part');
