-- What was ever what at the partner, also when it is gone or was made anew: what was used there is compared by it.
-- Numbered in the order in which it was committed.
create table openstack.known_counter (singular boolean primary key default true check (singular), last bigint not null default 0);
create table openstack.known (
  number bigint primary key,
  kind text not null,
  id text not null,
  remote_id text not null
);

insert into openstack.known (number, kind, id, remote_id)
select row_number() over (order by changed_at, kind, id), kind, id, remote_id from openstack.handle where state = 'known';
insert into openstack.known_counter (last) select coalesce(max(number), 0) from openstack.known;
