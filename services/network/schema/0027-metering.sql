-- What is counted of the traffic through routers' ways out, by label.
create table network.metering_label (
  id text primary key,
  project_id text not null,
  name text not null,
  description text not null,
  -- It is about the routers of every project.
  shared boolean not null,
  created_at timestamptz not null
);
create index on network.metering_label (project_id);
create index on network.metering_label (id) where shared;
call kit.protect('network.metering_label');

create table network.metering_label_rule (
  id text primary key,
  project_id text not null,
  metering_label_id text not null references network.metering_label on delete cascade,
  direction text not null check (direction in ('ingress', 'egress')),
  excluded boolean not null,
  -- As they were written.
  remote_ip_prefix text,
  source_ip_prefix text,
  destination_ip_prefix text,
  check (num_nonnulls(remote_ip_prefix, source_ip_prefix, destination_ip_prefix) > 0 and (remote_ip_prefix is null or num_nonnulls(source_ip_prefix, destination_ip_prefix) = 0)),
  created_at timestamptz not null
);
create index on network.metering_label_rule (metering_label_id);
create index on network.metering_label_rule (project_id);
call kit.protect('network.metering_label_rule');

-- How far an engine's counters had come at the last look: what they count is told as the difference.
create table network.traffic_reading (
  router_id text not null,
  counter text not null,
  host_id text not null,
  packets bigint not null,
  bytes bigint not null,
  read_at timestamptz not null,
  primary key (router_id, counter, host_id)
);
