create schema admission;

-- What each region was seen to do. Regions belong to no project.
create table admission.capability (
  region text not null,
  name text not null,
  state text not null check (state in ('proved', 'quarantined', 'untried')),
  since timestamptz not null,
  detail text,
  milliseconds integer,
  primary key (region, name)
);

create table admission.profile (
  region text primary key,
  probes integer not null default 0,
  failed integer not null default 0,
  -- When it is to be tried next; earlier when somebody asks.
  due_at timestamptz not null,
  signed jsonb
);

-- The keys by which this cloud signs; the newest one signs, the older ones are still shown.
create table admission.signing_key (
  id text primary key,
  private_key text not null,
  public_key text not null,
  made_at timestamptz not null
);
