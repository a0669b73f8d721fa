-- How much of each resource a project uses and may use. A row appears with the first use or limit.
create schema quota;

create table quota.claim (
  project_id text not null,
  resource text not null,
  used bigint not null default 0 check (used >= 0),
  -- null: the default of quotas.ts; -1: unlimited
  most bigint check (most >= -1),
  primary key (project_id, resource)
);
