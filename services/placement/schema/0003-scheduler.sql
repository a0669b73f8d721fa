-- Schedulers keep what they know of hosts in memory. Here they learn what has changed since they last looked: a transaction
-- whose number is below the oldest that was under way then has been seen, so that none that commits late is passed over.
create table placement.change (
  -- A provider; or `aggregates`, for what is said of groups.
  about text primary key,
  changed_in xid8 not null
);
create index on placement.change (changed_in);

-- How many servers in a row could not be made there.
alter table placement.provider add column failed_builds integer not null default 0;

create function placement.note_change(what text) returns void language sql
as $$ insert into placement.change (about, changed_in) values (what, pg_current_xact_id()) on conflict (about) do update set changed_in = excluded.changed_in $$;

create function placement.note_provider() returns trigger language plpgsql as $$
begin
  perform placement.note_change(coalesce(new.id, old.id));
  return null;
end $$;
create trigger note_change after insert or delete on placement.provider for each row execute function placement.note_provider();
-- Not each time that it is merely seen.
create trigger note_update after update on placement.provider for each row
  when ((old.generation, old.hostname, old.enabled, old.forced_down, old.availability_zone, old.failed_builds, old.report - 'freeDiskGiB') is distinct from (new.generation, new.hostname, new.enabled, new.forced_down, new.availability_zone, new.failed_builds, new.report - 'freeDiskGiB'))
  execute function placement.note_provider();

create function placement.note_part() returns trigger language plpgsql as $$
begin
  perform placement.note_change(coalesce(new.provider_id, old.provider_id));
  return null;
end $$;
create trigger note_change after insert or delete on placement.provider_trait for each row execute function placement.note_part();
create trigger note_change after insert or delete on placement.provider_aggregate for each row execute function placement.note_part();

create function placement.note_aggregates() returns trigger language plpgsql as $$
begin
  perform placement.note_change('aggregates');
  return null;
end $$;
create trigger note_change after insert or update or delete on placement.aggregate for each statement execute function placement.note_aggregates();

-- Claims all of these amounts of one provider for a server, or nothing: `claimed`, `full`; `busy` when another one claims of it
-- right now and that is not to be waited for.
create function placement.claim(consumer text, project text, consumer_user text, host text, classes text[], amounts bigint[], at timestamptz, waits boolean) returns text
language plpgsql as $$
begin
  if waits then
    perform from placement.provider where id = host for no key update;
    if not found then return 'full'; end if;
  else
    perform from placement.provider where id = host for no key update skip locked;
    if not found then return 'busy'; end if;
  end if;
  if exists (
    select from unnest(classes, amounts) as wanted (resource_class, amount)
    left join placement.inventory on inventory.provider_id = host and inventory.resource_class = wanted.resource_class
    where inventory.used is null or inventory.used + wanted.amount > floor((inventory.total - inventory.reserved) * inventory.allocation_ratio)
  ) then return 'full'; end if;
  update placement.inventory set used = inventory.used + wanted.amount
  from unnest(classes, amounts) as wanted (resource_class, amount)
  where inventory.provider_id = host and inventory.resource_class = wanted.resource_class;
  insert into placement.consumer as known (id, project_id, user_id, type, generation, is_server, created_at, updated_at)
  values (consumer, project, consumer_user, 'INSTANCE', 1, true, at, at)
  on conflict (id) do update set generation = known.generation + 1, updated_at = excluded.updated_at, is_server = true;
  insert into placement.allocation (consumer_id, provider_id, resource_class, used, project_id, created_at)
  select consumer, host, resource_class, amount, project, at from unnest(classes, amounts) as wanted (resource_class, amount);
  update placement.provider set generation = generation + 1 where id = host;
  return 'claimed';
end $$;

-- Why a server is where it is: all that was weighed at the end, so that it can be decided again.
create table placement.decision (
  consumer_id text not null,
  number integer generated always as identity,
  decided_at timestamptz not null,
  record jsonb not null,
  primary key (consumer_id, number)
);
create index on placement.decision (decided_at);
