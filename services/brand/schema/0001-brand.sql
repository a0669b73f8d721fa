-- Under which name an account's customers see this cloud. Not bound to a project: accounts are above projects.
create schema brand;

create table brand.brand (
  account_id text primary key,
  name text not null,
  support text not null,
  terms_url text,
  -- What is offered to the account and to all below it; null: what the one above it is offered.
  regions text[],
  updated_at timestamptz not null
);

create table brand.host (
  host text primary key,
  account_id text not null references brand.brand on delete cascade
);
create index on brand.host (account_id);
