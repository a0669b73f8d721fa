import type { Database } from '../../kit/postgres/database.ts';
import type { Invariant } from '../parts.ts';
import { countKept, readProgress } from './meters.store.ts';

/** That what is kept for home is whole, and that nothing is measured as lasting that has ended. */
export function meterInvariants({ database, region }: { database: Database; region: string }): Invariant[] {
  return [
    {
      id: 'I12',
      title: `the usage of ${region} that home has not taken yet is numbered without a gap`,
      check: () =>
        database.read({ kind: 'system', reason: 'invariant I12' }, async (tx) => {
          const [kept, { next, acknowledged }] = [await countKept(tx), await readProgress(tx)];
          const expected = next - 1 - acknowledged;
          if (kept === expected) return [];
          return [{ message: `${region} keeps ${kept} records of usage and should keep ${expected}`, remedy: 'Report it: usage of that region may be lost; its events (kit.event) still tell it' }];
        }),
    },
  ];
}
