-- Cells of processors with their own memory, into which hosts fall: to which of them the cells of guests are held.
create table placement.cell (
  provider_id text not null references placement.provider on delete cascade,
  number integer not null,
  memory_mib bigint not null check (memory_mib >= 0),
  primary key (provider_id, number)
);

-- It is there as long as the claim that it is a part of, and becomes another consumer's with it.
create table placement.cell_claim (
  consumer_id text not null,
  provider_id text not null,
  resource_class text not null default 'MEMORY_MB' check (resource_class = 'MEMORY_MB'),
  guest_cell integer not null,
  cell integer not null,
  memory_mib bigint not null check (memory_mib > 0),
  vcpus integer[] not null,
  primary key (consumer_id, provider_id, guest_cell),
  foreign key (consumer_id, provider_id, resource_class) references placement.allocation on update cascade on delete cascade,
  foreign key (provider_id, cell) references placement.cell on delete cascade
);
create index on placement.cell_claim (provider_id, cell);

-- Processors that are one guest's alone. The last word: none is two guests'.
create table placement.own_processor (
  provider_id text not null,
  processor integer not null,
  consumer_id text not null,
  guest_cell integer not null,
  vcpu integer not null,
  primary key (provider_id, processor),
  foreign key (consumer_id, provider_id, guest_cell) references placement.cell_claim on update cascade on delete cascade
);
create index on placement.own_processor (consumer_id, provider_id);

-- The last word on memory: whoever claims of a cell holds its row until the end.
create function placement.within_cell() returns trigger language plpgsql as $$
begin
  perform from placement.cell where provider_id = new.provider_id and number = new.cell for no key update;
  if (select sum(memory_mib) from placement.cell_claim where provider_id = new.provider_id and cell = new.cell)
    > (select memory_mib from placement.cell where provider_id = new.provider_id and number = new.cell) then
    raise check_violation using constraint = 'within_cell', message = 'a cell of a host is claimed beyond its memory';
  end if;
  return null;
end $$;
create trigger within_cell after insert on placement.cell_claim for each row execute function placement.within_cell();
