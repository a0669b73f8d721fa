-- Who may use this region and under whose name it answers, as home said last.
create table home_link.standing (
  only_row boolean primary key default true check (only_row),
  -- null: nothing was heard yet
  told jsonb
);
insert into home_link.standing (told) values (null);
-- Told anew from the beginning, because what is above was never told.
update home_link.cursor set position = null;
