-- Who may do what where. Nothing here belongs to a project: identity's own rules decide who sees what
-- (kit.protect does not apply), and only the home database has these tables.
create schema identity;

create table identity.domain (
  id text primary key,
  name text not null unique,
  description text,
  enabled boolean not null,
  options jsonb not null default '{}',
  extra jsonb not null default '{}'
);

create table identity.project (
  id text primary key,
  domain_id text not null references identity.domain on delete cascade,
  -- Null: directly below its domain. No cascade: only leaves are deleted.
  parent_id text references identity.project,
  name text not null,
  description text,
  enabled boolean not null,
  tags text[] not null default '{}',
  options jsonb not null default '{}',
  extra jsonb not null default '{}',
  constraint project_name unique (domain_id, name),
  constraint not_its_own_parent check (parent_id <> id)
);
create index on identity.project (parent_id);

create table identity."user" (
  id text primary key,
  domain_id text not null references identity.domain on delete cascade,
  name text not null,
  -- PHC string of argon2id; null: nobody logs in with a password.
  password_hash text,
  -- Not a reference: keystone keeps the id of a project that is gone, and ignores it at login.
  default_project_id text,
  description text,
  email text,
  enabled boolean not null,
  extra jsonb not null default '{}',
  constraint user_name unique (domain_id, name)
);

create table identity."group" (
  id text primary key,
  domain_id text not null references identity.domain on delete cascade,
  name text not null,
  description text,
  extra jsonb not null default '{}',
  constraint group_name unique (domain_id, name)
);

create table identity.membership (
  group_id text not null references identity."group" on delete cascade,
  user_id text not null references identity."user" on delete cascade,
  primary key (user_id, group_id)
);
create index on identity.membership (group_id);

create table identity.role (
  id text primary key,
  -- What a token carries instead of the id; never given to another role.
  number integer generated always as identity (maxvalue 65535) unique,
  domain_id text references identity.domain on delete cascade,
  name text not null,
  description text,
  options jsonb not null default '{}',
  extra jsonb not null default '{}',
  constraint role_name unique nulls not distinct (domain_id, name)
);

create table identity.implied_role (
  prior_role_id text not null references identity.role on delete cascade,
  implied_role_id text not null references identity.role on delete cascade,
  primary key (prior_role_id, implied_role_id)
);

-- One actor, one role, one place; all of project_id and domain_id null: the whole system.
create table identity.role_grant (
  role_id text not null references identity.role on delete cascade,
  user_id text references identity."user" on delete cascade,
  group_id text references identity."group" on delete cascade,
  project_id text references identity.project on delete cascade,
  domain_id text references identity.domain on delete cascade,
  constraint one_actor check (num_nonnulls(user_id, group_id) = 1),
  constraint one_place check (num_nonnulls(project_id, domain_id) <= 1),
  constraint granted_once unique nulls not distinct (user_id, group_id, project_id, domain_id, role_id)
);
create index on identity.role_grant (group_id) where group_id is not null;
create index on identity.role_grant (project_id) where project_id is not null;
create index on identity.role_grant (domain_id) where domain_id is not null;
create index on identity.role_grant (role_id);

create table identity.application_credential (
  id text primary key,
  user_id text not null references identity."user" on delete cascade,
  project_id text not null references identity.project on delete cascade,
  name text not null,
  description text,
  secret_hash text not null,
  unrestricted boolean not null,
  expires_at timestamptz,
  constraint application_credential_name unique (user_id, name)
);
create index on identity.application_credential (project_id);

create table identity.application_credential_role (
  application_credential_id text not null references identity.application_credential on delete cascade,
  role_id text not null references identity.role on delete cascade,
  primary key (application_credential_id, role_id)
);

create table identity.region (
  id text primary key,
  description text not null,
  parent_region_id text references identity.region,
  extra jsonb not null default '{}'
);

create table identity.service (
  id text primary key,
  type text not null,
  name text,
  description text,
  enabled boolean not null,
  extra jsonb not null default '{}'
);

create table identity.endpoint (
  id text primary key,
  service_id text not null references identity.service on delete cascade,
  region_id text references identity.region,
  interface text not null check (interface in ('admin', 'internal', 'public')),
  url text not null,
  enabled boolean not null,
  -- Made by the cloud itself, which writes its present address here at each start.
  ours boolean not null default false,
  extra jsonb not null default '{}'
);
create index on identity.endpoint (service_id);
create unique index endpoint_of_ours on identity.endpoint (service_id, region_id, interface) where ours;

-- Tokens are signed with the newest key in use and verified with any that is left.
create table identity.token_key (
  id smallint generated always as identity primary key,
  secret bytea not null,
  created_at timestamptz not null,
  -- Later than created_at, so that every process knows the key before it meets a token signed with it.
  signs_from timestamptz not null
);

-- Tokens issued before this row was committed, and concerning its subject, are invalid. Ids are given
-- out under a lock, so that their order is that of the commits and a token needs to carry only one number.
create table identity.revocation (
  id bigint generated always as identity primary key,
  -- user:<id>, project:<id>, domain:<id>, token:<audit id>, credential:<id>, grant:<user id>:<place>
  subject text not null,
  at timestamptz not null
);
create index on identity.revocation (at);

-- A change of what every process remembers about roles; read together with the revocations.
create table identity.role_change (
  only_row boolean primary key default true check (only_row),
  count bigint not null
);
insert into identity.role_change (count) values (0);
create function identity.count_role_change() returns trigger language plpgsql as $$
begin
  update identity.role_change set count = count + 1;
  return null;
end $$;
create trigger counted after insert or update or delete on identity.role
  for each statement execute function identity.count_role_change();
