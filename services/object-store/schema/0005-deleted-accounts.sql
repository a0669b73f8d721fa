-- An account that was deleted: nobody comes to it any more, and what is in it goes by and by.
alter table object_store.account add column deleted_at timestamptz;
create index account_deleted on object_store.account (deleted_at) where deleted_at is not null;
