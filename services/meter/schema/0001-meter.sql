-- What a region measures of its own things, and keeps until home has it (docs/decisions: nothing billed is lost).
create schema meter;

-- What lasts: since when it is so, and up to when that is recorded.
create table meter.running (
  resource text not null,
  resource_id text not null,
  project_id text not null,
  state text not null,
  flavor text not null,
  measures jsonb not null,
  began_at timestamptz not null,
  metered_until timestamptz not null,
  primary key (resource, resource_id)
);
create index on meter.running (metered_until);
call kit.protect('meter.running');

-- Numbered without a gap in the order in which they were made; gone when home has acknowledged them.
create table meter.record (
  sequence bigint primary key,
  resource text not null,
  resource_id text not null,
  project_id text not null,
  flavor text not null,
  measures jsonb not null,
  previous text,
  current text,
  since_at timestamptz not null,
  until_at timestamptz not null,
  event_id bigint
);
call kit.protect('meter.record');

-- One row: the counters.
create table meter.progress (
  singular boolean primary key default true check (singular),
  next_sequence bigint not null default 1,
  acknowledged bigint not null default 0,
  -- All is recorded of what was until then.
  through timestamptz,
  -- Up to here home knows that.
  told_through timestamptz
);
insert into meter.progress default values;

-- Its deliveries begin with the first event of the region, of which this finds what is remembered: a cloud that
-- learns to meter when it is old already has things that last.
insert into kit.event_consumer (name, types) values ('meter', array['server.%', 'volume.%', 'snapshot.%', 'image.%', 'floatingip.%']);
insert into kit.event_delivery (consumer, event_id, about)
select 'meter', event.id, event.resource || '/' || event.resource_id from kit.event event, kit.event_consumer consumer
where consumer.name = 'meter' and event.type like any (consumer.types);
