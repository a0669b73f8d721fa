-- Images of which there is a copy nearer than their stores, or is to be. The operator's, whoever's the images are.
create table image.cached (
  image_id text primary key references image.image on delete cascade,
  -- Null while it waits for its copy.
  sha256 text,
  size_bytes bigint,
  hits integer not null default 0,
  queued_at timestamptz not null,
  cached_at timestamptz,
  accessed_at timestamptz,
  check ((sha256 is null) = (size_bytes is null)),
  check ((sha256 is null) = (cached_at is null)),
  check ((sha256 is null) = (accessed_at is null))
);
create index cached_bytes on image.cached (sha256) where sha256 is not null;
