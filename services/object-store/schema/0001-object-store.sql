-- Accounts, containers, objects and their bytes: one store behind every door that speaks of objects.
create schema object_store;

-- A project's account. It is there as soon as something of it is kept; until then it is empty.
create table object_store.account (
  project_id text primary key,
  -- As they are shown: {"x-account-meta-colour": "blue"}.
  headers jsonb not null default '{}',
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- Counted up to the last folding; what was added since is in object_store.usage_change.
  containers bigint not null default 0,
  objects bigint not null default 0,
  bytes bigint not null default 0
);

create table object_store.container (
  id bigint generated always as identity primary key,
  project_id text not null,
  name text not null check (octet_length(name) between 1 and 256 and position('/' in name) = 0),
  headers jsonb not null default '{}',
  -- What becomes of an object that is written anew or deleted: `off`: it is gone; else it stays as a version.
  versioning text not null default 'off' check (versioning in ('off', 'enabled', 'suspended')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  objects bigint not null default 0,
  bytes bigint not null default 0,
  unique (project_id, name)
);

-- Bytes that a project has, once each.
create table object_store.blob (
  project_id text not null,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  md5 text not null,
  size_bytes bigint not null,
  -- Of its own for each time that bytes were brought: one that was removed is never written again.
  file text not null,
  -- CRC-32 of each piece of the file, by which it is verified whenever it is read.
  sums bytea not null,
  stored_at timestamptz not null,
  -- When all of it was last compared with its hash, and when it was found to be other bytes.
  scrubbed_at timestamptz,
  damaged_at timestamptz,
  primary key (project_id, sha256)
);

create index blob_to_scrub on object_store.blob (scrubbed_at nulls first);
create index blob_file on object_store.blob (file);

create table object_store.object (
  -- In the order of writing: of several versions the greatest is the newest.
  id bigint generated always as identity primary key,
  project_id text not null,
  container_id bigint not null references object_store.container,
  name text not null check (octet_length(name) between 1 and 1024),
  -- `null`: it was written while the container kept no versions.
  version text not null,
  is_latest boolean not null,
  -- It stands for a deletion.
  is_marker boolean not null default false,
  -- `plain`: one blob; `parts`: several, in object_store.piece; `slo`: a manifest of other objects, which is its blob;
  -- `dlo`, `symlink`: names others in its headers.
  kind text not null check (kind in ('plain', 'parts', 'slo', 'dlo', 'symlink')),
  sha256 text,
  -- What is downloaded, and what counts as used.
  size_bytes bigint not null,
  used_bytes bigint not null,
  etag text not null,
  content_type text not null,
  headers jsonb not null default '{}',
  -- For doors only: never shown as they are.
  facts jsonb not null default '{}',
  written_at timestamptz not null,
  delete_at timestamptz,
  foreign key (project_id, sha256) references object_store.blob,
  check (not is_marker or (sha256 is null and used_bytes = 0))
);

create unique index object_latest on object_store.object (container_id, name) where is_latest;
create index object_versions on object_store.object (container_id, name, id desc);
create index object_bytes on object_store.object (project_id, sha256) where sha256 is not null;
create index object_expiring on object_store.object (delete_at) where delete_at is not null;

-- The bytes of an object that was brought in parts.
create table object_store.piece (
  object_id bigint not null references object_store.object on delete cascade,
  number integer not null,
  project_id text not null,
  sha256 text not null,
  size_bytes bigint not null,
  primary key (object_id, number),
  foreign key (project_id, sha256) references object_store.blob
);

create index piece_bytes on object_store.piece (project_id, sha256);

-- What writers added to the counts, so that they need not wait for one another at the container's row.
create table object_store.usage_change (
  id bigint generated always as identity primary key,
  project_id text not null,
  container_id bigint,
  containers integer not null default 0,
  objects integer not null default 0,
  bytes bigint not null default 0
);

create index usage_change_of_container on object_store.usage_change (container_id);
create index usage_change_of_account on object_store.usage_change (project_id);

-- Bytes of which something has let go: whether anything else has them is looked at later, and then the file is removed.
create table object_store.loose (
  id bigint generated always as identity primary key,
  project_id text not null,
  sha256 text not null,
  -- Of a blob that is gone.
  file text
);

create function object_store.count_object() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    insert into object_store.usage_change (project_id, container_id, objects, bytes)
    values (old.project_id, old.container_id, case when old.is_latest and not old.is_marker then -1 else 0 end, -old.used_bytes);
  end if;
  if tg_op <> 'DELETE' then
    insert into object_store.usage_change (project_id, container_id, objects, bytes)
    values (new.project_id, new.container_id, case when new.is_latest and not new.is_marker then 1 else 0 end, new.used_bytes);
  end if;
  return null;
end $$;

create trigger counted after insert or delete or update of is_latest, is_marker, used_bytes on object_store.object
  for each row execute function object_store.count_object();

create function object_store.count_container() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into object_store.usage_change (project_id, containers) values (new.project_id, 1);
  else
    -- Nothing is in it any more, whatever was not folded yet.
    delete from object_store.usage_change where container_id = old.id;
    insert into object_store.usage_change (project_id, containers, objects, bytes) values (old.project_id, -1, -old.objects, -old.bytes);
  end if;
  return null;
end $$;

create trigger counted after insert or delete on object_store.container
  for each row execute function object_store.count_container();

create function object_store.let_go() returns trigger language plpgsql as $$
begin
  if old.sha256 is not null then
    insert into object_store.loose (project_id, sha256) values (old.project_id, old.sha256);
  end if;
  return null;
end $$;

create trigger lets_go after delete on object_store.object for each row execute function object_store.let_go();
create trigger lets_go after delete on object_store.piece for each row execute function object_store.let_go();

call kit.protect('object_store.account');
call kit.protect('object_store.container');
call kit.protect('object_store.blob');
call kit.protect('object_store.object');
call kit.protect('object_store.piece');
call kit.protect('object_store.usage_change');
call kit.protect('object_store.loose');
