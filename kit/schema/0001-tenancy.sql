-- Whose rows a statement may touch. Every transaction says it (kit/postgres/database.ts); what says
-- nothing sees nothing.

-- The project's id, '*' for all projects, or null. After a transaction-local setting ends PostgreSQL
-- leaves an empty string behind, which is nobody.
create function kit.scope() returns text
  language sql stable parallel safe
  return nullif(current_setting('intercloud.project', true), '');

-- The least and the greatest project id that may be seen. A policy that said "= scope or scope = '*'"
-- could not use an index, because the second half is about no column; a range can.
create function kit.first_visible() returns text
  language sql stable parallel safe
  return case when kit.scope() = '*' then '' else kit.scope() end;

create function kit.last_visible() returns text
  language sql stable parallel safe
  return case when kit.scope() = '*' then chr(1114111) else kit.scope() end;

create function kit.tenant_visible(project_id text) returns boolean
  language sql stable parallel safe
  return project_id >= kit.first_visible() and project_id <= kit.last_visible();

-- Binds every statement on this table, its owner's too, to the rows of the scope.
-- extra_visible adds rows that may be seen, not changed: kit.protect('image.image', 'visibility = ''public''').
create procedure kit.protect(protected regclass, extra_visible text default null)
  language plpgsql
as $$
declare
  collation_name text;
begin
  if not exists (
    select from pg_attribute
    where attrelid = protected and attname = 'project_id' and atttypid = 'text'::regtype and attnotnull
  ) then
    raise exception 'Cannot protect %: it has no column "project_id text not null"', protected;
  end if;

  -- The range holds exactly the one project only when text is ordered by its bytes.
  select coalesce(datlocale, datcollate) into collation_name from pg_database where datname = current_database();
  if collation_name not in ('C', 'POSIX', 'C.UTF-8', 'C.utf8') then
    raise exception 'Cannot protect %: the database sorts text by "%"', protected, collation_name
      using hint = 'Create the database with: create database … template template0 locale ''C'' encoding ''UTF8''';
  end if;

  execute format('alter table %s enable row level security', protected);
  execute format('alter table %s force row level security', protected);
  execute format('drop policy if exists of_the_project on %s', protected);
  execute format('drop policy if exists shown_to_others on %s', protected);
  execute format(
    'create policy of_the_project on %s
       using (project_id >= kit.first_visible() and project_id <= kit.last_visible())', protected);
  if extra_visible is not null then
    -- Without a scope not even these are shown.
    execute format(
      'create policy shown_to_others on %s for select using (kit.scope() is not null and (%s))',
      protected, extra_visible);
  end if;
end $$;
