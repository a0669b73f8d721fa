-- What users hand on of their rights, and the secrets that go with it.

-- Secrets that must be known again are sealed by one of these, which are sealed themselves by the key of the
-- cloud: that one is in no database.
create table identity.sealing_key (
  id smallint generated always as identity primary key,
  sealed bytea not null,
  created_at timestamptz not null
);

-- False: as it was before there was a key of the cloud; it is sealed at the next start.
alter table identity.token_key add column sealed boolean not null default false;

-- With its row everything ends that was got by it, also where the row goes with its user, project or domain.
create function identity.revoke_deleted() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('identity.revocation'));
  insert into identity.revocation (subject, at) values (tg_argv[0] || ':' || old.id, now());
  return null;
end $$;

create table identity.trust (
  id text primary key,
  trustor_id text not null references identity."user" on delete cascade,
  trustee_id text not null references identity."user" on delete cascade,
  project_id text references identity.project on delete cascade,
  impersonation boolean not null,
  expires_at timestamptz,
  remaining_uses integer check (remaining_uses >= 0),
  -- The one that it was handed on from: with it, it ends.
  redelegated_trust_id text references identity.trust on delete cascade,
  redelegation_count integer not null check (redelegation_count >= 0),
  extra jsonb not null default '{}',
  constraint trust_once unique (trustor_id, trustee_id, project_id, impersonation, expires_at)
);
create index on identity.trust (trustee_id);
create index on identity.trust (project_id);
create index on identity.trust (redelegated_trust_id) where redelegated_trust_id is not null;
create trigger revoked after delete on identity.trust for each row execute function identity.revoke_deleted('trust');

create table identity.trust_role (
  trust_id text not null references identity.trust on delete cascade,
  role_id text not null references identity.role on delete cascade,
  primary key (trust_id, role_id)
);
create index on identity.trust_role (role_id);

create trigger revoked after delete on identity.application_credential for each row execute function identity.revoke_deleted('credential');

-- What a program with an application credential may ask for; of one user, and shared by their credentials.
create table identity.access_rule (
  id text primary key,
  user_id text not null references identity."user" on delete cascade,
  service text not null,
  method text not null,
  path text not null,
  constraint access_rule_once unique (user_id, service, path, method)
);

create table identity.application_credential_access_rule (
  application_credential_id text not null references identity.application_credential on delete cascade,
  access_rule_id text not null references identity.access_rule,
  primary key (application_credential_id, access_rule_id)
);
create index on identity.application_credential_access_rule (access_rule_id);

create table identity.consumer (
  id text primary key,
  description text,
  sealed bytea not null,
  sealing_key_id smallint not null references identity.sealing_key,
  extra jsonb not null default '{}'
);
create index on identity.consumer (sealing_key_id);

create table identity.request_token (
  id text primary key,
  consumer_id text not null references identity.consumer on delete cascade,
  project_id text not null references identity.project on delete cascade,
  sealed bytea not null,
  sealing_key_id smallint not null references identity.sealing_key,
  expires_at timestamptz,
  -- Once somebody has authorized it.
  user_id text references identity."user" on delete cascade,
  verifier text,
  role_ids text[] not null default '{}'
);
create index on identity.request_token (consumer_id);
create index on identity.request_token (project_id);
create index on identity.request_token (user_id);
create index on identity.request_token (sealing_key_id);

create table identity.access_token (
  id text primary key,
  consumer_id text not null references identity.consumer on delete cascade,
  project_id text not null references identity.project on delete cascade,
  user_id text not null references identity."user" on delete cascade,
  role_ids text[] not null,
  sealed bytea not null,
  sealing_key_id smallint not null references identity.sealing_key,
  expires_at timestamptz
);
create index on identity.access_token (consumer_id);
create index on identity.access_token (project_id);
create index on identity.access_token (user_id);
create index on identity.access_token (sealing_key_id);
create trigger revoked after delete on identity.access_token for each row execute function identity.revoke_deleted('access_token');

create table identity.credential (
  id text primary key,
  user_id text not null references identity."user" on delete cascade,
  project_id text references identity.project on delete cascade,
  type text not null,
  sealed bytea not null,
  sealing_key_id smallint not null references identity.sealing_key,
  -- What it was made with, when that was handed on itself: it gives no more, and ends with it.
  trust_id text references identity.trust on delete cascade,
  application_credential_id text references identity.application_credential on delete cascade,
  access_token_id text references identity.access_token on delete cascade,
  extra jsonb not null default '{}',
  constraint one_origin check (num_nonnulls(trust_id, application_credential_id, access_token_id) <= 1)
);
create index on identity.credential (user_id, type);
create index on identity.credential (project_id) where project_id is not null;
create index on identity.credential (sealing_key_id);
create index on identity.credential (trust_id) where trust_id is not null;
create index on identity.credential (application_credential_id) where application_credential_id is not null;
create index on identity.credential (access_token_id) where access_token_id is not null;
create trigger revoked after delete on identity.credential for each row execute function identity.revoke_deleted('ec2');

-- A password of one time is taken once: until it could not be used again anyway.
create table identity.used_passcode (
  credential_id text not null references identity.credential on delete cascade,
  passcode text not null,
  until timestamptz not null,
  primary key (credential_id, passcode)
);

-- A signed request is taken once while its signature is good.
create table identity.used_signature (
  digest bytea primary key,
  until timestamptz not null
);
create index on identity.used_signature (until);
