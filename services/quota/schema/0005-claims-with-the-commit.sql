-- A claim whose answer nobody waits for, because it goes to the server together with the COMMIT, is refused by failing.
-- What it would have needed is read here, in a statement of its own: the one before may have waited for others' claims.
create function quota.refuse(wanted_project text, wanted_resource text, limited bigint) returns void
  language plpgsql
as $$
declare
  facts jsonb;
begin
  select jsonb_build_object('used', coalesce(c.used, 0), 'limit', limited, 'lease', c.lease, 'leased', p.leased) into facts
  from quota.place p left join quota.claim c on c.project_id = wanted_project and c.resource = wanted_resource;
  raise exception 'no more of % for project %', wanted_resource, wanted_project using errcode = 'IC000', detail = facts::text;
end $$;
