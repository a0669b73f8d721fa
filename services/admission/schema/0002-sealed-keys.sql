-- Private parts are sealed by the key of the cloud, which is in no database. Null: it signs nothing any more, and what it
-- has signed can still be judged. Those that lay here in clear sign nothing from now on.
alter table admission.signing_key drop column private_key;
alter table admission.signing_key add column sealed bytea;
