-- Who owes whom. Not bound to a project (kit.protect): accounts are above projects; services/billing/accounts.ts says
-- who sees which, and every statement names the accounts that it is about.
create schema billing;

create function billing.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'Rows of %.% are never changed: what is wrong is put right by further rows', tg_table_schema, tg_table_name;
end $$;

create table billing.account (
  id text primary key,
  parent_id text references billing.account,
  name text not null,
  kind text not null check (kind in ('operator', 'customer', 'supplier')),
  -- The next of the invoices that it gives.
  next_invoice int not null default 1,
  created_at timestamptz not null,
  check ((kind = 'operator') = (parent_id is null))
);
create unique index on billing.account ((true)) where parent_id is null;
create index on billing.account (parent_id);
insert into billing.account (id, parent_id, name, kind, created_at) values ('operator', null, 'Operator', 'operator', '2026-01-01T00:00:00Z');

-- Use of projects of a domain that is named nowhere is the operator's own.
create table billing.account_domain (
  domain_id text primary key,
  account_id text not null references billing.account
);
create index on billing.account_domain (account_id);

create table billing.supplied_region (
  region text primary key,
  account_id text not null references billing.account
);

create table billing.book (
  id text primary key,
  account_id text not null references billing.account,
  name text not null,
  version int not null,
  currency text not null,
  decimals int not null,
  entries jsonb not null,
  hash text not null,
  -- Its seller's secret: from which book it was made, and with how many percent on top.
  derived_from text references billing.book,
  margin text,
  created_at timestamptz not null,
  unique (account_id, name, version)
);
create trigger never_changed before update or delete or truncate on billing.book for each statement execute function billing.refuse_change();

-- By which book is paid between an account and its parent, from an hour on.
create table billing.assignment (
  account_id text not null references billing.account,
  from_hour timestamptz not null,
  book_id text not null references billing.book,
  primary key (account_id, from_hour)
);

create table billing.invoice (
  id text primary key,
  status text not null check (status in ('draft', 'issued')),
  -- The account at the lower end: an edge of the tree.
  edge_id text not null references billing.account,
  seller_id text not null references billing.account,
  seller_name text not null,
  buyer_id text not null references billing.account,
  buyer_name text not null,
  number text,
  from_hour timestamptz not null,
  until_hour timestamptz not null,
  currency text not null,
  decimals int not null,
  total_nano numeric(38, 0) not null,
  carried_nano numeric(38, 0) not null,
  remainder_nano numeric(38, 0) not null,
  correction boolean not null,
  -- By region: the first record that does not count, so that it can be computed again.
  usage_before jsonb not null,
  created_at timestamptz not null,
  issued_at timestamptz,
  check (from_hour < until_hour),
  check ((status = 'issued') = (number is not null and issued_at is not null)),
  unique (seller_id, number)
);
create unique index one_draft on billing.invoice (edge_id) where status = 'draft';
create index on billing.invoice (edge_id, from_hour);
create index on billing.invoice (buyer_id);

create table billing.invoice_line (
  invoice_id text not null references billing.invoice,
  number int not null,
  entry text not null,
  book_hash text not null,
  region text not null,
  project_id text not null,
  resource text not null,
  flavor text not null,
  measure text not null,
  unit_ms numeric(38, 0) not null,
  cost_nano numeric(38, 0) not null,
  amount_nano numeric(38, 0) not null,
  primary key (invoice_id, number)
);

create function billing.keep_issued() returns trigger language plpgsql as $$
begin
  if old.status = 'issued' then raise exception 'Invoice % is issued: what is wrong is put right by a further one', old.id; end if;
  if tg_op = 'DELETE' then return old; end if;
  return new;
end $$;
create trigger issued_stays before update or delete on billing.invoice for each row execute function billing.keep_issued();

create function billing.keep_issued_lines() returns trigger language plpgsql as $$
begin
  if exists (select from billing.invoice where id = (case when tg_op = 'INSERT' then new.invoice_id else old.invoice_id end) and status = 'issued') then
    raise exception 'The lines of an issued invoice stay as they are';
  end if;
  if tg_op = 'DELETE' then return old; end if;
  return new;
end $$;
create trigger issued_stays before insert or update or delete on billing.invoice_line for each row execute function billing.keep_issued_lines();

-- Double entry, each in the books of one account.
create table billing.booking (
  id bigint generated always as identity primary key,
  account_id text not null references billing.account,
  at timestamptz not null,
  kind text not null check (kind in ('invoice', 'payment', 'settlement')),
  reference text not null,
  -- What must not be booked twice says what it is.
  unique_key text unique
);
create index on billing.booking (account_id, id);

create table billing.booking_entry (
  booking_id bigint not null references billing.booking,
  place int not null,
  ledger text not null check (ledger in ('receivable', 'payable', 'revenue', 'cost', 'cash')),
  with_account text not null references billing.account,
  currency text not null,
  -- Debit is positive, credit negative.
  amount_nano numeric(38, 0) not null,
  primary key (booking_id, place)
);

create trigger never_changed before update or delete or truncate on billing.booking for each statement execute function billing.refuse_change();
create trigger never_changed before update or delete or truncate on billing.booking_entry for each statement execute function billing.refuse_change();

create function billing.demand_balance() returns trigger language plpgsql as $$
declare
  wrong record;
begin
  select currency, sum(amount_nano) as sum into wrong from billing.booking_entry where booking_id = new.booking_id group by currency having sum(amount_nano) <> 0;
  if found then raise exception 'Booking % does not balance: % nano %', new.booking_id, wrong.sum, wrong.currency using errcode = 'check_violation'; end if;
  return null;
end $$;
create constraint trigger balances after insert on billing.booking_entry deferrable initially deferred for each row execute function billing.demand_balance();

create table billing.budget (
  id text primary key,
  account_id text not null references billing.account,
  project_id text,
  name text not null,
  currency text not null,
  amount_nano numeric(38, 0) not null check (amount_nano >= 0),
  spent_nano numeric(38, 0) not null default 0,
  reserved_nano numeric(38, 0) not null default 0 check (reserved_nano >= 0),
  month timestamptz not null,
  alerts int[] not null,
  alerted int not null default 0,
  created_at timestamptz not null
);
create index on billing.budget (account_id);

create table billing.budget_lease (
  budget_id text not null references billing.budget,
  holder text not null,
  amount_nano numeric(38, 0) not null check (amount_nano > 0),
  expires_at timestamptz not null,
  primary key (budget_id, holder)
);
