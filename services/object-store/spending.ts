/** What is kept costs something: promised of budgets before it is there. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimSpending, domainOf, type Thing } from '../quota/budgets.ts';
import type { AccountContext } from './accounts.ts';
import { notedBytes } from './usage.store.ts';

/** Of a container, or of so many bytes more in one; the meter hears of bytes a little later. */
export async function claimKeeping({ tx, projectId, now, caller }: AccountContext, { containers = 0, bytes = 0 }: { containers?: number; bytes?: number }): Promise<void> {
  if (containers + bytes > 0) await claimSpending(tx, { now, projectId, domainId: domainOf(caller, projectId), thing: meteredAs({ containers, MiB: Math.ceil(bytes / 2 ** 20) }) });
}

/** As the meter has it. */
function meteredAs(measures: { containers: number; MiB: number }): Thing {
  return { resource: 'container', flavor: '', state: 'in-use', measures };
}

/** What was written and is in no count that was told. */
export async function bytesOnTheirWay(tx: Transaction, projectIds: readonly string[]): Promise<Thing[]> {
  const bytes = await notedBytes(tx, projectIds);
  return bytes > 0 ? [meteredAs({ containers: 0, MiB: Math.ceil(bytes / 2 ** 20) })] : [];
}
