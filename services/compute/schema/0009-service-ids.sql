-- Ids are the cloud's to draw, so that what was once done can be done again alike.
alter table compute.service alter column id drop default;
