-- Which limits are others than before, in the order of the commits: regions hear of them. What they are now is looked up
-- when it is told, so a row only says where to look; subject '' is everybody's.
create sequence identity.limit_change_number;
create table identity.limit_change (
  service_type text not null,
  resource_name text not null,
  region_id text,
  subject text not null,
  number bigint not null,
  constraint changed_last unique nulls not distinct (service_type, resource_name, region_id, subject)
);
create index on identity.limit_change (number);

create function identity.note_limit(type text, name text, region text, whose text) returns void language plpgsql as $$
begin
  -- Until the commit: whoever sees a number has seen all smaller ones.
  perform pg_advisory_xact_lock(hashtext('identity.limit_change'));
  insert into identity.limit_change (service_type, resource_name, region_id, subject, number)
  values (type, name, region, whose, nextval('identity.limit_change_number'))
  on conflict on constraint changed_last do update set number = excluded.number;
  perform pg_notify('identity_limits', '');
end $$;

create function identity.note_registered_limit() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' then
    perform identity.note_limit(s.type, old.resource_name, old.region_id, '') from identity.service s where s.id = old.service_id;
  end if;
  if tg_op <> 'DELETE' then
    perform identity.note_limit(s.type, new.resource_name, new.region_id, '') from identity.service s where s.id = new.service_id;
  end if;
  return null;
end $$;
create trigger noted after insert or update or delete on identity.registered_limit
  for each row execute function identity.note_registered_limit();

-- A domain's limit bounds all that its projects have, so it is everybody's.
create function identity.note_resource_limit() returns trigger language plpgsql as $$
declare
  changed identity.resource_limit := case when tg_op = 'DELETE' then old else new end;
begin
  perform identity.note_limit(s.type, r.resource_name, r.region_id, coalesce(changed.project_id, ''))
  from identity.registered_limit r join identity.service s on s.id = r.service_id where r.id = changed.registered_limit_id;
  return null;
end $$;
create trigger noted after insert or update or delete on identity.resource_limit
  for each row execute function identity.note_resource_limit();

create function identity.note_service_type() returns trigger language plpgsql as $$
begin
  perform identity.note_limit(t.type, r.resource_name, r.region_id, whose.subject)
  from identity.registered_limit r
    cross join lateral (values (old.type), (new.type)) t (type)
    cross join lateral (select '' as subject union select l.project_id from identity.resource_limit l where l.registered_limit_id = r.id and l.project_id is not null) whose
  where r.service_id = new.id;
  return null;
end $$;
create trigger noted after update of type on identity.service
  for each row when (old.type <> new.type) execute function identity.note_service_type();

-- How limits are enforced is an option of the default domain.
create function identity.note_limit_model() returns trigger language plpgsql as $$
begin
  perform identity.note_limit(s.type, r.resource_name, r.region_id, '') from identity.registered_limit r join identity.service s on s.id = r.service_id;
  return null;
end $$;
create trigger noted_when_set after insert or update on identity.domain_option
  for each row when (new.group_name = 'unified_limit') execute function identity.note_limit_model();
create trigger noted_when_unset after delete on identity.domain_option
  for each row when (old.group_name = 'unified_limit') execute function identity.note_limit_model();

-- Those that there are already.
select identity.note_limit(s.type, r.resource_name, r.region_id, whose.subject)
from identity.registered_limit r join identity.service s on s.id = r.service_id
  cross join lateral (select '' as subject union select l.project_id from identity.resource_limit l where l.registered_limit_id = r.id and l.project_id is not null) whose;
