/** Servers on their way from host to host, or from flavor to flavor: what became of it, for operators. nova/objects/migration.py */
import type { Random } from '../../kit/clock.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { insertMigration, updateMigration, type MigrationType } from './migrations.store.ts';
import type { Server } from './servers.store.ts';

type Beginning = { type: MigrationType; status: string; userId: string; targetHostId: string | null; newFlavor: string | null; now: Date };

/** In the transaction that begins it. */
export async function beginMigration(tx: Transaction, random: Random, server: Server, { type, status, userId, targetHostId, newFlavor, now }: Beginning): Promise<void> {
  const { id: serverId, projectId, hostId: sourceHostId, flavor } = server;
  await insertMigration(tx, { id: random.uuid(), serverId, projectId, userId, type, status, sourceHostId, targetHostId, oldFlavor: flavor.id, newFlavor, createdAt: now });
}

/** What became of the newest one of the server. */
export function noteMigration(tx: Transaction, serverId: string, status: string, now: Date, targetHostId: string | null = null): Promise<void> {
  return updateMigration(tx, serverId, { status, targetHostId }, now);
}
