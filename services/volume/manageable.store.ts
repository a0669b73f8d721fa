/** The SQL of what was let go of and is still on the storage. */
import type { Transaction } from '../../kit/postgres/database.ts';

export function insertUnmanaged(tx: Transaction, id: string, kind: 'volume' | 'snapshot'): Promise<number> {
  return tx.run`insert into volume.unmanaged (id, kind) values (${id}, ${kind}) on conflict (id) do nothing`;
}

export function deleteUnmanaged(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.unmanaged where id = ${id}`;
}

export async function listUnmanaged(tx: Transaction): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from volume.unmanaged`).map(({ id }) => id);
}
