-- Images, who shares them, and the bytes that stand behind them.
create schema image;

-- Bytes in the blob store, by their hash. Of no project: two may have brought the same.
create table image.blob (
  sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
  format text not null check (format in ('raw', 'qcow2')),
  size_bytes bigint not null,
  virtual_size_bytes bigint not null,
  stored_at timestamptz not null,
  -- The file is gone from the store, and hosts may still have copies.
  dropped_at timestamptz
);

create table image.image (
  id text primary key default gen_random_uuid()::text,
  project_id text not null,
  name text,
  status text not null check (status in ('queued', 'saving', 'active', 'deactivated')),
  visibility text not null check (visibility in ('private', 'public', 'shared', 'community')),
  container_format text,
  disk_format text,
  min_disk_gib integer not null default 0,
  min_ram_mib integer not null default 0,
  protected boolean not null default false,
  hidden boolean not null default false,
  tags text[] not null default '{}',
  properties jsonb not null default '{}',
  md5 text,
  sha512 text,
  sha256 text references image.blob,
  size_bytes bigint,
  -- Until when whoever brings the bytes has them under way.
  saving_until timestamptz,
  -- Which upload has the image: another one's end must not be taken for this one's.
  upload text,
  -- Why the last bytes were refused, for the owner to read.
  failure text,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- An active image has its bytes, and only what is being saved has an upload.
  check ((status in ('active', 'deactivated')) = (sha256 is not null)),
  check ((status = 'saving') = (saving_until is not null)),
  check ((status = 'saving') = (upload is not null))
);

create index image_newest on image.image (project_id, created_at desc, id desc);
create index image_bytes on image.image (sha256) where sha256 is not null;
create index image_saving on image.image (saving_until) where status = 'saving';

create table image.member (
  image_id text not null references image.image on delete cascade,
  -- The owner of the image.
  project_id text not null,
  member_id text not null,
  status text not null default 'pending' check (status in ('pending', 'accepted', 'rejected')),
  created_at timestamptz not null,
  updated_at timestamptz not null,
  primary key (image_id, member_id)
);

create index member_of on image.member (member_id, status);

call kit.protect('image.member', 'member_id = kit.scope()');

-- The member's own answer is the one thing that it may change.
create policy answered_by_the_member on image.member for update
  using (member_id = kit.scope()) with check (member_id = kit.scope());

call kit.protect('image.image', $$visibility in ('public', 'community')
  or (visibility = 'shared' and exists (select from image.member where image_id = id and member_id = kit.scope()))$$);
