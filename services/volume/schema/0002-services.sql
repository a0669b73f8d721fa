-- What works on volumes: the workers that say where they go, and the storage that holds them.
create table volume.service (
  host text not null,
  binary_name text not null check (binary_name in ('cinder-scheduler', 'cinder-volume')),
  disabled boolean not null default false,
  disabled_reason text,
  -- When it last showed that it works.
  seen_at timestamptz not null default now(),
  primary key (host, binary_name)
);

insert into volume.service (host, binary_name) values ('intercloud', 'cinder-scheduler'), ('intercloud@storage', 'cinder-volume');

-- Whether it is to be read only; null: nobody has said.
alter table volume.volume add column readonly boolean;
