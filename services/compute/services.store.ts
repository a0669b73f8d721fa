/** The SQL of what works on servers beside their hosts. */
import type { Transaction } from '../../kit/postgres/database.ts';

export const binaries = ['nova-conductor', 'nova-scheduler'] as const;
export type WorkersService = { id: string; number: number; binary: (typeof binaries)[number]; seenAt: Date };

export function selectWorkersServices(tx: Transaction): Promise<WorkersService[]> {
  return tx.rows<WorkersService>`select id, number::int as number, binary_name as binary, seen_at as "seenAt" from compute.service order by binary_name`;
}

/** `newId`: of one that was not there. */
export async function insertMissingWorkersServices(tx: Transaction, newId: () => string, now: Date): Promise<void> {
  const known = new Set((await selectWorkersServices(tx)).map(({ binary }) => binary));
  const missing = binaries.filter((binary) => !known.has(binary));
  if (missing.length === 0) return;
  await tx.run`
    insert into compute.service (binary_name, id, seen_at) select binary_name, id, ${now} from unnest(${missing}::text[], ${missing.map(newId)}::text[]) as new (binary_name, id)
    on conflict (binary_name) do nothing`;
}

export async function markWorking(tx: Transaction, now: Date): Promise<void> {
  await tx.run`update compute.service set seen_at = ${now}`;
}

export async function deleteWorkersService(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from compute.service where id = ${id}`;
}
