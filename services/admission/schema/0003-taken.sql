-- Somebody is trying it until then at the latest.
alter table admission.profile add column taken_until timestamptz;
