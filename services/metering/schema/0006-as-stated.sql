-- Of ours: the first record that is not in it, so that what is asked of it in more detail is what was said.
alter table metering.statement add column usage_before bigint;
