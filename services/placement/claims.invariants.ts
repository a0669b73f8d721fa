import { sql, type Database } from '../../kit/postgres/database.ts';
import type { Invariant } from '../parts.ts';

/** That inventories count exactly what is allocated. That they never exceed capacity, the schema sees to. */
export function claimInvariants(database: Database): Invariant[] {
  return [
    {
      id: 'I3',
      title: 'What a host counts as used is the sum of its claims',
      check: () =>
        database.read({ kind: 'system', reason: 'invariant I3' }, async (tx) => {
          const wrong = await tx.rows<{ hostname: string; resourceClass: string; used: number; claimed: number }>(sql`
            select provider.hostname, inventory.resource_class as "resourceClass", inventory.used::int8 as used, coalesce(sum(allocation.used), 0)::int8 as claimed
            from placement.inventory join placement.provider on provider.id = inventory.provider_id
            left join placement.allocation on allocation.provider_id = inventory.provider_id and allocation.resource_class = inventory.resource_class
            group by provider.hostname, inventory.provider_id, inventory.resource_class, inventory.used
            having inventory.used <> coalesce(sum(allocation.used), 0)`);
          return wrong.map(({ hostname, resourceClass, used, claimed }) => ({
            message: `Host ${hostname} counts ${used} of ${resourceClass} as used, and its claims sum to ${claimed}`,
            remedy: 'Set the count to the sum of the claims, and report how it came to differ.',
          }));
        }),
    },
  ];
}
