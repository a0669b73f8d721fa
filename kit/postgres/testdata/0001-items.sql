create schema shop;

create table shop.item (
  id bigint generated always as identity primary key,
  project_id text not null,
  name text not null,
  shown boolean not null default false,
  details jsonb not null default '[]',
  price bigint check (price >= 0),
  constraint one_of_each_name unique (project_id, name)
);

create index on shop.item (project_id);
call kit.protect('shop.item', 'shown');
