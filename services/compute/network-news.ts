/** Guests learn of addresses and groups that changed through the network's own API, as of those that changed through compute's. */
import { schedule } from '../../kit/workflow/workflow.ts';
import { takeServerNews } from '../network/server-news.ts';
import type { RegionParts } from '../parts.ts';
import { changeServer } from './server-changes.ts';
import { refreshServer } from './server-refresh.ts';
import { lockServerRow } from './servers.store.ts';

const scope = { kind: 'system', reason: 'the network tells of servers of every project' } as const;
const atOnce = 100;

export const tellGuestsOfNetwork = schedule<RegionParts>('compute.network-news', { everyMs: 500, run: tellGuests });

/** Also what a test calls to have it done now. */
export async function tellGuests(parts: RegionParts, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    const count = await parts.database.transaction(scope, async (tx) => {
      const ids = await takeServerNews(tx, atOnce);
      for (const id of ids.toSorted()) {
        const server = await lockServerRow(tx, id);
        // What has no machine yet, or none any more, is told all of it when it gets one.
        if (!server || server.hostId === null) continue;
        await refreshServer(parts, { tx }, await changeServer(tx, parts.clock, server, {}, { intent: true }));
      }
      return ids.length;
    });
    if (count < atOnce) return;
  }
}
