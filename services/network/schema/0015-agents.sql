-- What operators said of agents; the agents themselves are the hosts that report.
create table network.agent (
  id text primary key,
  description text not null default '',
  -- Not shown until its host reports again.
  deleted_at timestamptz
);
alter table network.network add column availability_zone_hints text[] not null default '{}';
