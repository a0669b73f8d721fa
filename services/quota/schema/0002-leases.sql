-- With several regions, a region claims no more than it holds of a limit that is one over all of them.
alter table quota.claim
  -- null: there is one region; -1: unlimited
  add column lease bigint check (lease >= -1),
  -- The last change at home that is known here.
  add column lease_version bigint not null default 0,
  -- What home believes that we hold; less is held where it was given back and home does not know yet.
  add column lease_at_home bigint not null default 0,
  -- A limit that was set here and home was not told yet.
  add column unsaid boolean not null default false;
create index claim_unsaid on quota.claim (project_id) where unsaid;

create table quota.place (
  only_row boolean primary key default true check (only_row),
  -- Whether this is one region of several.
  leased boolean not null default false
);
insert into quota.place default values;
