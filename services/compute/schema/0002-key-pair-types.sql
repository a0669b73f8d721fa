-- x509: a certificate, for guests that know no ssh.
alter table compute.key_pair add column type text not null default 'ssh' check (type in ('ssh', 'x509'));
