-- Hosts that are gone long enough to be taken for dead, for as long as they are. What runs there and is to be highly available
-- is made elsewhere, unless too many are: then nothing moves, and an operator is to look.
create table placement.dead_host (
  host_id text primary key references placement.provider on delete cascade,
  gone_at timestamptz not null,
  state text not null check (state in ('evacuated', 'held')),
  declared_at timestamptz not null
);
