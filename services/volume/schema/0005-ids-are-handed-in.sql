-- Ids and times come with the statement: from the seed and the clock of whoever runs the cloud.
alter table volume.type alter column id drop default, alter column created_at drop default;
alter table volume.volume alter column id drop default;
alter table volume.snapshot alter column id drop default;
alter table volume.attachment alter column id drop default;
alter table volume.transfer alter column id drop default;
alter table volume.message alter column id drop default;
alter table volume.service alter column seen_at drop default;

-- What migrations made before there was a seed is the same in every cloud that is new; in others it may be in use.
update volume.type set id = '0d1f3b0e-6c4e-4b0a-9d53-5f1c0b6e7a21', created_at = 'epoch'
where name = '__DEFAULT__' and not exists (select from volume.volume) and not exists (select from volume.type_access);
update volume.service set seen_at = 'epoch' where not exists (select from volume.volume);
