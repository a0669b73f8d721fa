-- An invitation ends. What a region was told when it joined is told again until it was heard of: the first answer may be lost.
alter table federation.region add column invited_until timestamptz, add column answer text;
