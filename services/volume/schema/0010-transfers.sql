-- A volume may be given away without its snapshots, which stay the giver's.
create or replace function volume.weight_of(wanted text, out volume_gib int, out snapshots int, out snapshot_gib int, out ready boolean, out type_id text)
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  about text;
  with_them boolean;
begin
  perform set_config('intercloud.project', '*', true);
  select t.volume_id, t.with_snapshots into strict about, with_them from volume.transfer t where t.id = wanted;
  select v.size_gib, v.status = 'awaiting-transfer', v.type_id into volume_gib, ready, type_id from volume.volume v where v.id = about for update;
  perform from volume.snapshot s where s.volume_id = about for update;
  select count(*)::int, coalesce(sum(s.size_gib), 0)::int, ready and coalesce(bool_and(s.status = 'available'), true)
    into snapshots, snapshot_gib, ready from volume.snapshot s join volume.transfer t on t.id = wanted where s.volume_id = about and with_them and s.project_id = t.project_id;
  perform set_config('intercloud.project', scope, true);
end $$;

create or replace function volume.hand_over(wanted text, to_project text, to_user text, at timestamptz) returns void
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  handed text;
  with_them boolean;
  giver text;
begin
  perform set_config('intercloud.project', '*', true);
  delete from volume.transfer where id = wanted returning volume_id, with_snapshots, project_id into strict handed, with_them, giver;
  update volume.volume set project_id = to_project, user_id = to_user, status = 'available', updated_at = at where id = handed;
  if with_them then
    update volume.snapshot set project_id = to_project, user_id = to_user, updated_at = at where volume_id = handed and project_id = giver;
  end if;
  perform set_config('intercloud.project', scope, true);
end $$;

-- Whether there are snapshots of it that another project kept.
create function volume.has_others_snapshots(about text, owner text) returns boolean
  language plpgsql volatile
as $$
declare
  scope text := current_setting('intercloud.project', true);
  found_one boolean;
begin
  perform set_config('intercloud.project', '*', true);
  select exists (select from volume.snapshot where volume_id = about and project_id <> owner) into found_one;
  perform set_config('intercloud.project', scope, true);
  return found_one;
end $$;
