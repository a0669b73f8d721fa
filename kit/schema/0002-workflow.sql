-- Durable workflows (kit/workflow). No policy of projects: only the engine and the doctor look here.

create sequence kit.workflow_owner as int cycle;

create table kit.workflow_run (
  id text primary key,
  -- The order of runs of one subject. Given under a lock on the subject, so that it is the order of commits too.
  sequence bigint generated always as identity,
  workflow text not null,
  subject text not null,
  project_id text,
  request_id text,
  input jsonb not null,
  -- What the steps have found out so far.
  state jsonb not null default '{}',
  status text not null default 'waiting'
    check (status in ('waiting', 'running', 'done', 'failed', 'superseded', 'stuck')),
  phase text not null default 'forward' check (phase in ('forward', 'undo')),
  -- The step to do next, or in the undo phase to undo next.
  step int not null default 0,
  -- How often that step has failed, or its owner has died in it.
  attempt int not null default 0,
  run_at timestamptz not null,
  deadline timestamptz,
  -- A successor asks this run to end at its next step.
  stop boolean not null default false,
  -- Grows with every claim; whoever writes under an older one is refused.
  fence bigint not null default 0,
  owner int,
  lease_until timestamptz,
  failure jsonb,
  created_at timestamptz not null default now(),
  settled_at timestamptz,
  check ((status = 'running') = (owner is not null and lease_until is not null))
);

create index on kit.workflow_run (run_at, sequence) where status = 'waiting';
create index on kit.workflow_run (owner) where status = 'running';
create index on kit.workflow_run (subject, sequence) where status in ('waiting', 'running');
create index on kit.workflow_run (settled_at) where settled_at is not null;
-- One at a time; the claim sees to it, and this makes anything else impossible.
create unique index one_running_for_each_subject on kit.workflow_run (subject) where status = 'running';
