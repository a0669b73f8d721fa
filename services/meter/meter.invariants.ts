import { sql, type Database } from '../../kit/postgres/database.ts';
import type { Invariant } from '../parts.ts';

/** That what is kept for home is whole, and that nothing is measured as lasting that has ended. */
export function meterInvariants({ database, region }: { database: Database; region: string }): Invariant[] {
  return [
    {
      id: 'I12',
      title: `the usage of ${region} that home has not taken yet is numbered without a gap`,
      check: () =>
        database.read({ kind: 'system', reason: 'invariant I12' }, async (tx) => {
          const counted = await tx.one<{ kept: number; expected: number }>(sql`
            select (select count(*)::int from meter.record) as kept, (next_sequence - 1 - acknowledged)::int as expected from meter.progress`);
          if (counted && counted.kept === counted.expected) return [];
          return [{ message: `${region} keeps ${counted?.kept} records of usage and should keep ${counted?.expected}`, remedy: 'Report it: usage of that region may be lost; its events (kit.event) still tell it' }];
        }),
    },
  ];
}
