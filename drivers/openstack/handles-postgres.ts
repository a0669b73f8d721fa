/** The handles in the region's database, in a schema that is this driver's own. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../kit/clock.ts';
import { sql, type Database, type Scope, type Sql } from '../../kit/postgres/database.ts';
import type { Migrations } from '../../kit/postgres/migrate.ts';
import { DriverError } from '../driver.ts';
import { tagOf, type Applied, type Handle, type HandleKind, type HandleRef, type HandleStore, type Known } from './handles.ts';

export const handleSchema: Migrations = { service: 'openstack', directory: fileURLToPath(new URL('./schema/', import.meta.url)) };

const scope: Scope = { kind: 'system', reason: 'the driver knows the things of every project' };

type Row = { kind: HandleKind; id: string; generation: string; state: 'intended' | 'known'; attempt: number; project_id: string; remote_id: string | null; applied: Applied };

export function postgresHandles({ database, clock }: { database: Database; clock: Pick<Clock, 'now'> }): HandleStore {
  const write = (statement: Sql) => database.transaction(scope, (tx) => tx.run(statement));
  const read = (statement: Sql) => database.read(scope, async (tx) => (await tx.rows<Row>(statement)).map(handleOf));

  return {
    accept: (refs) =>
      database.transaction(scope, async (tx) => {
        // In one order, so that two batches that share resources wait for one another instead of deadlocking.
        for (const { kind, id, generation } of refs.toSorted(byName)) {
          const accepted = await tx.run`
            insert into openstack.handle (kind, id, generation, changed_at) values (${kind}, ${id}, ${generation}, ${clock.now()})
            on conflict (kind, id) do update set generation = excluded.generation where openstack.handle.generation <= excluded.generation`;
          if (accepted === 0) throw new DriverError('stale', `A newer generation than ${generation} of the ${kind} ${id} has been seen`);
        }
      }),

    async find({ kind, id }) {
      const [found] = await read(sql`${columns} where kind = ${kind} and id = ${id} and state <> 'absent'`);
      return found;
    },

    wasMade: ({ kind, id }) => database.read(scope, async (tx) => (await tx.one`select from openstack.handle where kind = ${kind} and id = ${id} and attempt > 0`) !== undefined),

    list: (...kinds) => read(sql`${columns} where state <> 'absent' and kind = any(${kinds}::text[]) order by kind, id`),

    async intend({ kind, id }, projectId) {
      const [intended] = await database.transaction(scope, (tx) => tx.rows<Row>`
        insert into openstack.handle as h (kind, id, state, attempt, project_id, changed_at) values (${kind}, ${id}, 'intended', 1, ${projectId}, ${clock.now()})
        on conflict (kind, id) do update set
          attempt = case h.state when 'intended' then h.attempt else h.attempt + 1 end,
          applied = case h.state when 'intended' then h.applied else '{}' end,
          state = 'intended', remote_id = null, project_id = excluded.project_id, changed_at = excluded.changed_at
        returning kind, id, generation::text as generation, state, attempt, project_id, remote_id, applied`);
      return handleOf(intended!);
    },

    async know({ kind, id }, remoteId) {
      await database.transaction(scope, async (tx) => {
        await tx.run`update openstack.handle set state = 'known', remote_id = ${remoteId}, changed_at = ${clock.now()} where kind = ${kind} and id = ${id}`;
        // The counter's row is what two writers wait for, so that who reads on from a number misses nothing.
        await tx.run`
          with counted as (update openstack.known_counter set last = last + 1 returning last)
          insert into openstack.known (number, kind, id, remote_id) select last, ${kind}, ${id}, ${remoteId} from counted`;
      });
    },

    knownAfter: (number, { kinds, limit }) =>
      database.read(scope, (tx) => tx.rows<Known>`
        select known.number::int as number, kind, id, known.remote_id as "remoteId", handle.applied
        from openstack.known join openstack.handle using (kind, id)
        where known.number > ${number} and kind = any(${[...kinds]}::text[]) order by known.number limit ${limit}`),

    async apply({ kind, id }, applied) {
      await write(sql`update openstack.handle set applied = applied || ${JSON.stringify(applied)}::jsonb, changed_at = ${clock.now()} where kind = ${kind} and id = ${id}`);
    },

    async forget({ kind, id }) {
      await write(sql`update openstack.handle set state = 'absent', remote_id = null, applied = '{}', changed_at = ${clock.now()} where kind = ${kind} and id = ${id}`);
    },
  };
}

const columns = sql`select kind, id, generation::text as generation, state, attempt, project_id, remote_id, applied from openstack.handle`;

function handleOf({ kind, id, generation, state, attempt, project_id: projectId, remote_id: remoteId, applied }: Row): Handle {
  const common = { kind, id, generation: Number(generation), projectId, tag: tagOf(id, attempt), applied };
  return state === 'known' && remoteId !== null ? { ...common, state, remoteId } : { ...common, state: 'intended', remoteId: null };
}

function byName(one: HandleRef, other: HandleRef): number {
  return `${one.kind}/${one.id}` < `${other.kind}/${other.id}` ? -1 : 1;
}
