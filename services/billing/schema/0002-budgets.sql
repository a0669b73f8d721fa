-- What may be spent of a budget is lent to the regions by federation, a month each; nothing is promised here any more.
drop table billing.budget_lease;
alter table billing.budget
  drop column reserved_nano,
  -- Servers end before what they cost passes it.
  add column stop_loss boolean not null default false,
  -- What was spent of its first month when it was made.
  add column opened_nano numeric(38, 0) not null default 0;
