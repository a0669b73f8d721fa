/** The simulated machines: one SQLite file, so that they outlive the process that made them. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DriverError } from '../driver.ts';

export type State = {
  readonly database: DatabaseSync;
  /** All of it, or none. */
  transaction<T>(work: () => T): T;
  /** Remembers the generation as the newest seen of the resource, or refuses it as `stale`. */
  accept(resource: string, generation: number): void;
  close(): void;
};

/** `unavailable` while another process has the state open. */
export function openState(folder: string): State {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'machines.sqlite');
  const database = new DatabaseSync(path);
  try {
    // Two drivers over one state would each believe in machines that the other has changed.
    database.exec('pragma locking_mode = exclusive; pragma journal_mode = wal;');
    // What was committed survives the end of the process; the end of the computer would end real machines too.
    database.exec('pragma synchronous = normal; pragma foreign_keys = on;');
    database.exec(SCHEMA);
    // A file that an earlier version has made lacks it.
    for (const added of ['epoch', 'shared'])
      if (database.prepare("select name from pragma_table_info('volumes') where name = ?").get(added) === undefined) database.exec(`alter table volumes add column ${added} integer not null default 0`);
    if (database.prepare("select name from pragma_table_info('servers') where name = 'local_bytes'").get() === undefined) database.exec('alter table servers add column local_bytes integer not null default 0');
    database.exec('create index if not exists servers_room on servers (host_id, disk_bytes, local_bytes)');
    if (database.prepare("select pk from pragma_table_info('attachments') where name = 'server_id'").get()?.pk === 0) database.exec(ATTACHMENTS_OF_SEVERAL);
    chmodSync(path, 0o600);
  } catch (cause) {
    database.close();
    throw cause;
  }

  const accept = database.prepare(`
    insert into seen (resource, generation) values (?, ?)
    on conflict (resource) do update set generation = excluded.generation
    where excluded.generation >= seen.generation`);

  return {
    database,
    transaction(work) {
      database.exec('begin immediate');
      try {
        const result = work();
        database.exec('commit');
        return result;
      } catch (cause) {
        database.exec('rollback');
        throw cause;
      }
    },
    accept(resource, generation) {
      if (accept.run(resource, generation).changes === 0)
        throw new DriverError('stale', `A newer generation than ${generation} of ${resource} has been seen`);
    },
    close: () => database.close(),
  };
}

// The generation of what was removed is kept, so that a late call cannot bring it back.
const SCHEMA = `
  create table if not exists seen (
    resource text primary key, generation integer not null
  ) without rowid;

  create table if not exists hosts (position integer primary key, id text not null unique);

  create table if not exists volumes (
    id text primary key, size_gib integer not null, content text not null,
    base text generated always as (content ->> '$.base.sha256') stored
  ) without rowid;
  create index if not exists volumes_base on volumes (base);

  create table if not exists snapshots (
    id text primary key, volume_id text not null, size_gib integer not null, content text not null,
    base text generated always as (content ->> '$.base.sha256') stored
  ) without rowid;
  create index if not exists snapshots_volume on snapshots (volume_id);
  create index if not exists snapshots_base on snapshots (base);

  create table if not exists servers (
    id text primary key, host_id text not null, generation integer not null, power text not null,
    spec text not null, disk_bytes integer not null, content text, boots text not null,
    volumes text not null, nics text not null,
    base text generated always as (content ->> '$.base.sha256') stored
  ) without rowid;
  create index if not exists servers_base on servers (base);
  -- All that a list shows: without it, listing reads every specification.
  create index if not exists servers_shown on servers (id, host_id, generation, power, volumes, nics);

  create table if not exists attachments (
    volume_id text not null references volumes, server_id text not null references servers on delete cascade, primary key (volume_id, server_id)
  ) without rowid;
  create index if not exists attachments_server on attachments (server_id);

  create table if not exists nics (
    port_id text primary key, server_id text not null references servers on delete cascade
  ) without rowid;
  create index if not exists nics_server on nics (server_id);

  create table if not exists network (
    kind text not null, id text not null, spec text not null, primary key (kind, id)
  ) without rowid;
`;

/** Once a volume had one server only. */
const ATTACHMENTS_OF_SEVERAL = `
  alter table attachments rename to attachments_of_one;
  drop index attachments_server;
  create table attachments (
    volume_id text not null references volumes, server_id text not null references servers on delete cascade, primary key (volume_id, server_id)
  ) without rowid;
  create index attachments_server on attachments (server_id);
  insert into attachments (volume_id, server_id) select volume_id, server_id from attachments_of_one;
  drop table attachments_of_one;
`;
