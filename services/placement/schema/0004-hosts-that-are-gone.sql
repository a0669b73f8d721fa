-- Since when its connection is gone, where hosts have one: known in seconds, while silence is waited for. Null while it is there.
alter table placement.provider add column gone_at timestamptz;
