-- Who has signed requests here: a region that is cut off, also after a restart, goes on serving them while their tokens last.
create table home_link.signer (
  access text not null,
  day text not null,
  signed_region text not null,
  -- as home sent it: key and token, sealed with the region's key
  sealed text not null,
  until timestamptz not null,
  heard_at timestamptz not null,
  primary key (access, day, signed_region)
);
create index on home_link.signer (until);
