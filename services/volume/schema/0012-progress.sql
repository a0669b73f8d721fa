-- How far a snapshot is, where whoever takes it has said so.
alter table volume.snapshot add column progress text;
