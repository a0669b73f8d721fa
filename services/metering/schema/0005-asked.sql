-- When it was asked the last time, whatever came of it.
alter table metering.access add column asked_at timestamptz;
