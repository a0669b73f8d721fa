-- When something was last decided on there: what the region said of an earlier moment does not know of it.
alter table broker.capacity add column taken_at timestamptz;
