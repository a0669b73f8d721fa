-- Nobody looks for one of these records: they are made together, sent home in their order and then gone. A row for each, with an
-- index, cost more than all else that is written about them, so each transaction's are one row.
create table meter.page (
  first_sequence bigint primary key,
  count int not null check (count > 0),
  -- A JSON array of [resource_id, project_id, shape_id, previous, current, since, until, event_id]; moments in milliseconds since 1970.
  records text not null
);
-- They are read once: to compress them would cost as much as to write them.
alter table meter.page alter column records set storage external;

insert into meter.page (first_sequence, count, records)
select min(sequence), count(*), json_agg(json_build_array(
  resource_id, project_id, shape_id, previous, current,
  (extract(epoch from since_at) * 1000)::bigint, (extract(epoch from until_at) * 1000)::bigint, event_id) order by sequence)
from meter.record group by sequence / 2500;

drop table meter.record;
