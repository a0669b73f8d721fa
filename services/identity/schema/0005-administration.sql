-- A role that is inherited counts in all projects of the domain, or below the project, and not there itself.
alter table identity.role_grant
  add column inherited boolean not null default false,
  drop constraint granted_once,
  add constraint granted_once unique nulls not distinct (user_id, group_id, project_id, domain_id, inherited, role_id),
  add constraint inherited_from_somewhere check (not inherited or num_nonnulls(project_id, domain_id) = 1);

-- What everybody may have of a resource unless a limit says otherwise.
create table identity.registered_limit (
  id text primary key,
  service_id text not null references identity.service,
  region_id text references identity.region,
  resource_name text not null,
  default_limit integer not null,
  description text,
  constraint registered_once unique nulls not distinct (service_id, region_id, resource_name)
);
create index on identity.registered_limit (region_id) where region_id is not null;

-- What one project, or one domain, may have.
create table identity.resource_limit (
  id text primary key,
  -- No cascade: a registered limit stays while somebody has another one.
  registered_limit_id text not null references identity.registered_limit,
  project_id text references identity.project on delete cascade,
  domain_id text references identity.domain on delete cascade,
  resource_limit integer not null,
  description text,
  constraint of_one check (num_nonnulls(project_id, domain_id) = 1),
  constraint limited_once unique nulls not distinct (registered_limit_id, project_id, domain_id)
);
create index on identity.resource_limit (project_id) where project_id is not null;
create index on identity.resource_limit (domain_id) where domain_id is not null;

-- Endpoints that are alike in what the filters name; projects that are given such a group see these endpoints.
create table identity.endpoint_group (
  id text primary key,
  name text not null,
  description text,
  filters jsonb not null
);
create table identity.project_endpoint_group (
  endpoint_group_id text not null references identity.endpoint_group on delete cascade,
  project_id text not null references identity.project on delete cascade,
  primary key (project_id, endpoint_group_id)
);
create index on identity.project_endpoint_group (endpoint_group_id);
create table identity.project_endpoint (
  endpoint_id text not null references identity.endpoint on delete cascade,
  project_id text not null references identity.project on delete cascade,
  primary key (project_id, endpoint_id)
);
create index on identity.project_endpoint (endpoint_id);

-- Documents that services may fetch; nothing here reads them.
create table identity.policy (
  id text primary key,
  type text not null,
  blob text not null,
  extra jsonb not null default '{}'
);
create table identity.policy_association (
  policy_id text not null references identity.policy on delete cascade,
  endpoint_id text references identity.endpoint on delete cascade,
  service_id text references identity.service on delete cascade,
  region_id text references identity.region on delete cascade,
  constraint of_endpoint_or_service check (num_nonnulls(endpoint_id, service_id) = 1 and (region_id is null or service_id is not null)),
  -- One policy for each of them.
  constraint associated_once unique nulls not distinct (endpoint_id, service_id, region_id)
);
create index on identity.policy_association (policy_id);

-- Where the users of a domain are, and how their passwords must be, when it is otherwise than for the cloud.
create table identity.domain_option (
  domain_id text not null references identity.domain on delete cascade,
  group_name text not null,
  option_name text not null,
  value jsonb not null,
  primary key (domain_id, group_name, option_name)
);

alter table identity."user"
  add column created_at timestamptz,
  add column password_created_at timestamptz,
  add column password_expires_at timestamptz,
  -- False: somebody else chose it, and it must be changed on first use where that is demanded.
  add column password_is_own boolean not null default true,
  add column failed_logins integer not null default 0,
  add column failed_login_at timestamptz,
  add column last_active_on date;

-- Passwords that a user had before the present one, so that they are not chosen again.
create table identity.past_password (
  id bigint generated always as identity primary key,
  user_id text not null references identity."user" on delete cascade,
  hash text not null
);
create index on identity.past_password (user_id, id);
insert into identity.past_password (user_id, hash) select id, previous_password_hash from identity."user" where previous_password_hash is not null;
