-- By which of the operator's flavors a router was made.
alter table network.router add column flavor_id text references network.flavor;
create index on network.router (flavor_id) where flavor_id is not null;

-- Of whatever project.
create function network.has_router_of(flavor text) returns boolean
  language plpgsql
as $$
declare
  scope text := current_setting('intercloud.project', true);
  found_one boolean;
begin
  perform set_config('intercloud.project', '*', true);
  select exists (select from network.router where flavor_id = flavor) into found_one;
  perform set_config('intercloud.project', scope, true);
  return found_one;
end $$;
