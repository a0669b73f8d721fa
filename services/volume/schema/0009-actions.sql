-- What is attached for reading only; what was let go of and is still on the storage; what operators say of services.
alter table volume.attachment add column mode text not null default 'rw' check (mode in ('rw', 'ro'));

-- Volumes and snapshots whose rows were given up on purpose: their data is nobody's until somebody manages it again.
create table volume.unmanaged (
  id text primary key,
  kind text not null check (kind in ('volume', 'snapshot'))
);

alter table volume.service add column frozen boolean not null default false;

create table volume.log_level (
  binary_name text not null,
  prefix text not null,
  level text not null,
  primary key (binary_name, prefix)
);

alter table volume.transfer
  add column with_snapshots boolean not null default true;
