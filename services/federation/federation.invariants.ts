/** What must always be true of the regions. */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Finding, HomeParts, Invariant } from '../parts.ts';
import { listRegions } from './regions.store.ts';

// A region asks for news every half minute at the latest.
const silentAfterMs = 90_000;

export function federationInvariants({ database, clock }: Pick<HomeParts, 'database' | 'clock'>): readonly Invariant[] {
  const reading = (id: string, check: (tx: Transaction) => Promise<Finding[]>) => () => database.read({ kind: 'system', reason: `invariant ${id}` }, check);
  return [
    {
      id: 'F1',
      title: 'every region that has joined is heard of',
      check: reading('F1', async (tx) =>
        (await listRegions(tx)).flatMap(({ name, first, status, url, seenAt, createdAt }) => {
          if (first || status === 'invited' || clock.now().getTime() - (seenAt ?? createdAt).getTime() < silentAfterMs) return [];
          if (!seenAt) return [{ message: `The region ${name} at ${url} has joined and was never heard of`, remedy: `It serves nobody before it has. On its machine: intercloud status, and whether it reaches home; or take it away: intercloud region remove ${name}` }];
          return [{ message: `The region ${name} at ${url} has not been heard of since ${seenAt.toISOString()}`, remedy: 'It goes on with what it knows. On its machine: intercloud status, and whether it reaches home' }];
        }),
      ),
    },
  ];
}
