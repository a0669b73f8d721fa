-- Of thousands of rows at once the policy costs more than what is done about them, unless its range is computed once a statement. Where
-- no index is on the project that misleads nobody.
alter policy of_the_project on meter.running using (project_id >= (select kit.first_visible()) and project_id <= (select kit.last_visible()));
alter policy of_the_project on meter.record using (project_id >= (select kit.first_visible()) and project_id <= (select kit.last_visible()));

-- Room on each page for the next version of all of its rows: with less a third of the changes went to other pages, and into the index.
alter table meter.running set (fillfactor = 40);

-- One row, written anew by each transaction that changes what lasts, so that who remembers it knows whether anybody else has since.
create table meter.change (singular boolean primary key default true check (singular));
insert into meter.change default values;
