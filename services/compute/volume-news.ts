/** Users see among what was asked of a server that a volume which it uses has grown: nova/compute/instance_actions.py, EXTEND_VOLUME */
import { schedule } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { takeGrowth } from '../volume/server-news.ts';
import { noteDone } from './actions.ts';
import { findServer } from './servers.store.ts';

const scope = { kind: 'system', reason: 'the storage tells of servers of every project' } as const;
const atOnce = 100;

export const noteGrownVolumes = schedule<RegionParts>('compute.volume-news', { everyMs: 1_000, run: noteGrowth });

/** Also what a test calls to have it done now. */
export async function noteGrowth({ database }: Pick<RegionParts, 'database'>, signal?: AbortSignal): Promise<void> {
  while (signal?.aborted !== true) {
    const count = await database.transaction(scope, async (tx) => {
      const grown = await takeGrowth(tx, atOnce);
      for (const { serverId, requestId, userId, at } of grown) {
        const server = await findServer(tx, serverId);
        // Without a host nothing has to hear of it: nova/api/openstack/compute/server_external_events.py
        if (server && server.hostId !== null) await noteDone({ tx, now: at, requestId, caller: { userId } }, server, 'extend_volume');
      }
      return grown.length;
    });
    if (count < atOnce) return;
  }
}
