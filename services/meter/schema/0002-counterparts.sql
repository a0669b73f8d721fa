-- Up to which of what is known to be what at a partner's, home has been told of it, for each agreement.
create table meter.counterparts_told (agreement_id text primary key, last bigint not null);
