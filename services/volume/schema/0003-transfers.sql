-- Volumes that their project offers to whoever has the key.
create table volume.transfer (
  id text primary key default gen_random_uuid()::text,
  -- The owner, who gives the volume away.
  project_id text not null,
  volume_id text not null unique references volume.volume on delete cascade,
  name text,
  -- The key itself is nowhere.
  salt text not null,
  key_digest text not null,
  created_at timestamptz not null
);

create index transfer_oldest on volume.transfer (project_id, created_at, id);

call kit.protect('volume.transfer');

-- Whoever has the key sees and takes what is not his yet. These functions alone look past the scope, for as
-- long as they run: for the one transfer that is named, and after the caller has compared the key.
create function volume.offered(wanted text) returns setof volume.transfer
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
begin
  perform set_config('intercloud.project', '*', true);
  return query select * from volume.transfer where id = wanted for update;
  perform set_config('intercloud.project', scope, true);
end $$;

-- What the one who takes it is charged for; and whether nothing of it is being changed.
create function volume.weight_of(wanted text, out volume_gib int, out snapshots int, out snapshot_gib int, out ready boolean)
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  about text;
begin
  perform set_config('intercloud.project', '*', true);
  select t.volume_id into strict about from volume.transfer t where t.id = wanted;
  select v.size_gib, v.status = 'awaiting-transfer' into volume_gib, ready from volume.volume v where v.id = about for update;
  perform from volume.snapshot s where s.volume_id = about for update;
  select count(*)::int, coalesce(sum(s.size_gib), 0)::int, ready and coalesce(bool_and(s.status = 'available'), true)
    into snapshots, snapshot_gib, ready from volume.snapshot s where s.volume_id = about;
  perform set_config('intercloud.project', scope, true);
end $$;

create function volume.hand_over(wanted text, to_project text, to_user text, at timestamptz) returns void
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  handed text;
begin
  perform set_config('intercloud.project', '*', true);
  delete from volume.transfer where id = wanted returning volume_id into strict handed;
  update volume.volume set project_id = to_project, user_id = to_user, status = 'available', updated_at = at where id = handed;
  update volume.snapshot set project_id = to_project, user_id = to_user, updated_at = at where volume_id = handed;
  perform set_config('intercloud.project', scope, true);
end $$;
