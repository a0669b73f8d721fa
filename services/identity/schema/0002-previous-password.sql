-- Of the password before the present one: whoever changes theirs may choose neither of the two again.
alter table identity."user" add column previous_password_hash text;
