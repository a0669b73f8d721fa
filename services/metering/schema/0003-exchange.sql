-- Records are read one by one, in the order in which they were told, when an invoice is computed again.
create index on metering.record (region, sequence);

-- Up to which revision the provider knows what we accept of an hour.
create table metering.told (
  agreement_id text not null references metering.agreement,
  hour timestamptz not null,
  revision int not null,
  primary key (agreement_id, hour)
);
