import type { Database } from '../../kit/postgres/database.ts';
import type { Invariant } from '../parts.ts';
import { wronglyReserved } from './budgets.store.ts';
import { unbalanced } from './ledger.store.ts';

export function billingInvariants({ database }: { database: Database }): Invariant[] {
  const scope = { kind: 'system', reason: 'doctor' } as const;
  return [
    {
      id: 'I14',
      title: 'every booking of every ledger adds up to nothing',
      check: () =>
        database.read(scope, async (tx) =>
          (await unbalanced(tx)).map(({ bookingId, currency, sum }) => ({ message: `Booking ${bookingId} is ${sum} billionths of ${currency} off`, remedy: 'Report it: the database must not have let it in. It is put right by a further booking' })),
        ),
    },
    {
      id: 'I15',
      title: 'what a budget has promised is the sum of its leases',
      check: () =>
        database.read(scope, async (tx) =>
          (await wronglyReserved(tx)).map(({ id, reserved, leased }) => ({ message: `Budget ${id} has promised ${reserved} and leased ${leased}`, remedy: 'Report it; the next claim counts it anew' })),
        ),
    },
  ];
}
