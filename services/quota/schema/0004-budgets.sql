-- What accounts mean to spend, as home said last: whose projects draw on it, and the most that things cost there. What may be
-- spent is lent to a region like any limit (quota.claim: resource budget:eur, project_id <budget>.<month>).
create table quota.budget (
  id text primary key,
  terms jsonb not null,
  heard_at timestamptz not null
);

-- What was spent in this region by what is recorded; a month each.
create table quota.budget_spent (
  budget_id text not null,
  month text not null,
  -- Nano-units.
  spent numeric(38, 0) not null,
  primary key (budget_id, month)
);
