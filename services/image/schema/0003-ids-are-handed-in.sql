-- Ids come with the statement: from the seed of whoever runs the cloud.
alter table image.image alter column id drop default;
