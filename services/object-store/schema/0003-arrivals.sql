-- Bytes on their way to a store elsewhere, from before the first one leaves until they have their row: nothing there is listed
-- to find what a crash has left.
create table object_store.arrival (
  file text primary key check (file ~ '^[0-9a-f]{32}$'),
  -- When bytes were last seen to come.
  seen_at timestamptz not null
);

create index arrival_by_age on object_store.arrival (seen_at);
