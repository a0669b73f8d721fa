-- What was kept until now could be read by whoever reads this table. It was kept for a day at most.
delete from kit.idempotency;

-- The reply, sealed with the caller's own key (kit/idempotency.ts); its headers may hold a secret too.
alter table kit.idempotency
  drop column headers,
  drop column body,
  add column sealed bytea not null;
