-- What home knows of use. Not bound to a project (kit.protect): whoever sells sees the use of all who buy from him,
-- however deep; services/billing decides who that is, and services/metering binds readers to their own project.
create schema metering;

-- How far each region has told.
create table metering.region (
  region text primary key,
  next_sequence bigint not null default 1,
  -- All is told of what was until then.
  through timestamptz,
  heard_at timestamptz not null
);

-- What is measured at once; many records share one.
create table metering.shape (
  id int generated always as identity primary key,
  resource text not null,
  flavor text not null,
  measures jsonb not null,
  unique (resource, flavor, measures)
);

-- Whose a project was when it was first heard of: it may be gone when it is billed.
create table metering.project (
  project_id text primary key,
  domain_id text,
  first_heard_at timestamptz not null
);
create index on metering.project (domain_id);

-- What was told, as it was told, for ever; a partition for each month (metering.ensure_months).
create table metering.record (
  region text not null,
  sequence bigint not null,
  hour timestamptz not null,
  project_id text not null,
  resource_id text not null,
  shape_id int not null,
  previous text,
  current text,
  since_at timestamptz not null,
  -- Before since_at: so much is taken back.
  until_at timestamptz not null,
  event_id bigint
) partition by range (hour);
create index on metering.record (project_id, hour, resource_id);

create function metering.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'Rows of %.% are never changed', tg_table_schema, tg_table_name;
end $$;

create trigger never_changed before update or delete or truncate on metering.record for each statement execute function metering.refuse_change();

create procedure metering.ensure_months(months timestamptz[]) language plpgsql as $$
declare
  month timestamptz;
  name text;
begin
  foreach month in array months loop
    name := 'record_' || to_char(month at time zone 'UTC', 'YYYYMM');
    if to_regclass('metering.' || name) is not null then continue; end if;
    perform pg_advisory_xact_lock(hashtext('metering.ensure_months'));
    execute format('create table if not exists metering.%I partition of metering.record for values from (%L) to (%L)',
      name, date_trunc('month', month, 'UTC'), date_trunc('month', month, 'UTC') + interval '1 month');
    execute format('create or replace trigger never_changed before update or delete or truncate on metering.%I for each statement execute function metering.refuse_change()', name);
  end loop;
end $$;

-- The same, summed: what is asked often.
create table metering.hour (
  hour timestamptz not null,
  region text not null,
  project_id text not null,
  shape_id int not null references metering.shape,
  state text not null,
  duration_ms bigint not null,
  records int not null,
  primary key (project_id, hour, region, shape_id, state)
);
create index on metering.hour (region, hour);
