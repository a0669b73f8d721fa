/** Volumes that lie on the storage now, if all is well. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { listStored } from './volumes.store.ts';

export async function listExpectedVolumes(tx: Transaction): Promise<string[]> {
  return (await listStored(tx)).filter(({ status }) => status === 'available' || status === 'in-use').map(({ id }) => id);
}
