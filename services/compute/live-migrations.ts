/** What can be asked of a live migration that is under way. nova/compute/api.py, live_migrate_force_complete and live_migrate_abort */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { noteAction, noteDone } from './actions.ts';
import { findMigration, type Migration } from './migrations.store.ts';
import { changeable } from './server-actions.ts';
import { changeServer } from './server-changes.ts';
import { returnTo } from './server-hosts.ts';
import { abortLiveMigrationWorkflow } from './server-moves.workflow.ts';
import { subjectOf } from './server-steps.ts';
import type { Compute } from './servers.ts';

/** Nothing that the guest does keeps a server from moving here: there is nothing to be forced, and it is written down that it was asked. */
export async function forceLiveMigration(context: Context, id: string, number: string): Promise<void> {
  const server = await changeable(context, id, 'force_complete');
  demandRunning(await migrationOf(context, id, number, badRequest), 'force complete');
  await noteDone(context, server, 'live_migration_force_complete');
}

export async function abortLiveMigration(compute: Compute, context: Context, id: string, number: string): Promise<void> {
  const { tx, caller, now, requestId } = context;
  const server = await changeable(context, id, 'abort live migration');
  const migration = await migrationOf(context, id, number, notFound);
  demandRunning(migration, 'abort live migration');
  const { left } = server.resize ?? {};
  if (!left) throw invalidState(migration, 'abort live migration');
  const wentTo = server.hostId ?? '';
  const back = await returnTo(tx, server, left, { now, requestId });
  await changeServer(tx, { now: () => now }, server, { ...back, resize: null }, { event: 'server.live_migration.abort', requestId, intent: true });
  await noteAction(tx, { serverId: id, projectId: server.projectId, requestId, action: 'live_migration_cancel', userId: caller.userId, startedAt: now });
  await compute.workflows.supersede(tx, abortLiveMigrationWorkflow, { subject: subjectOf(id), input: { serverId: id, leftHostId: wentTo }, projectId: server.projectId, requestId });
}

async function migrationOf({ tx }: Context, id: string, number: string, refused: typeof notFound): Promise<Migration> {
  const migration = /^\d{1,9}$/.test(number) ? await findMigration(tx, id, Number(number)) : undefined;
  if (!migration) throw refused(`Migration ${number} not found for instance ${id}`);
  return migration;
}

function demandRunning(migration: Migration, method: string): void {
  if (migration.status !== 'running') throw invalidState(migration, method);
}

function invalidState({ number, serverId, status }: Migration, method: string) {
  return badRequest(`Migration ${number} state of instance ${serverId} is ${status}. Cannot ${method} while the migration is in this state.`);
}
