-- What is secret of what is configured for a domain lies sealed, as credentials do. What an older cloud has plain is
-- sealed by the next look at the keys.
alter table identity.domain_option
  add column id text generated always as (domain_id || '/' || group_name || '/' || option_name) stored,
  alter column value drop not null,
  add column sealed bytea,
  add column sealing_key_id smallint references identity.sealing_key,
  add constraint plain_or_sealed check (num_nonnulls(value, sealed) = 1),
  add constraint sealed_by_something check ((sealed is null) = (sealing_key_id is null));
create unique index on identity.domain_option (id);
