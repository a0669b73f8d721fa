-- Rises with every change of services and endpoints: processes remember the catalog for as long as it stays.
create table identity.catalog_change (
  only_row boolean primary key default true check (only_row),
  count bigint not null
);
insert into identity.catalog_change (count) values (0);
create function identity.count_catalog_change() returns trigger language plpgsql as $$
begin
  update identity.catalog_change set count = count + 1;
  return null;
end $$;
create trigger counted after insert or update or delete on identity.service
  for each statement execute function identity.count_catalog_change();
create trigger counted after insert or update or delete on identity.endpoint
  for each statement execute function identity.count_catalog_change();
