-- What a region measures of its own things, and keeps until home has it (docs/decisions: nothing billed is lost).
create schema meter;

-- What is measured at once; many things share one.
create table meter.shape (
  id int generated always as identity primary key,
  resource text not null,
  flavor text not null,
  measures jsonb not null,
  unique (resource, flavor, measures)
);

-- What lasts: since when it is so, and up to when that is recorded.
create table meter.running (
  resource text not null,
  resource_id text not null,
  project_id text not null,
  state text not null,
  shape_id int not null,
  began_at timestamptz not null,
  metered_until timestamptz not null,
  primary key (resource, resource_id)
) with (fillfactor = 70); -- Changed in place, often: no column that changes has an index.
call kit.protect('meter.running');

-- Numbered without a gap in the order in which they were made; gone when home has acknowledged them.
create table meter.record (
  sequence bigint primary key,
  resource_id text not null,
  project_id text not null,
  shape_id int not null,
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
