-- Users and groups of domains that are kept in a directory server: what they are called there. Null: they are kept here.
alter table identity."user" add column local_id text, add constraint user_in_directory unique (domain_id, local_id);
alter table identity."group" add column local_id text, add constraint group_in_directory unique (domain_id, local_id);
