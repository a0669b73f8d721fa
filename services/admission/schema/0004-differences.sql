-- What only one of the two clouds knew of when they were last compared.
alter table admission.profile add column differences jsonb;
