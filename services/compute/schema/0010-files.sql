-- What clients give a server to find on its config drive: [{ path, contents }], in base64.
alter table compute.server add column files jsonb not null default '[]';
