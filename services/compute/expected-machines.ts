/** Servers whose machine is there now, if all is well: nothing is being done to them, and they were not shelved away. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { selectLiving } from './servers.store.ts';

export async function listExpectedMachines(tx: Transaction): Promise<string[]> {
  return (await selectLiving(tx)).filter(({ hostId, taskState, vmState }) => hostId !== null && taskState === null && vmState === 'active').map(({ id }) => id);
}
