-- What is so small that a file of its own would cost more than it does: `file` then names nothing outside of the row.
alter table object_store.blob add column bytes bytea check (bytes is null or file like 'row:%');
-- Bytes of users are mostly compressed already.
alter table object_store.blob alter column bytes set storage external;
