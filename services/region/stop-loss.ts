/** Servers that a budget with stop-loss cannot pay much longer end before it is passed. */
import { Fault } from '../../kit/fault.ts';
import { nobody } from '../../kit/http/caller.ts';
import { deleteServer } from '../compute/servers.ts';
import { meterEvents } from '../meter/meters.ts';
import { settleSpending, type Excess } from '../meter/spending.ts';
import { bytesOnTheirWay as bytesOfImages } from '../image/image-quotas.ts';
import { bytesOnTheirWay as bytesOfContainers } from '../object-store/spending.ts';
import type { RegionParts } from '../parts.ts';

const scope = { kind: 'system', reason: 'a budget ends' } as const;

export async function keepBudgets(parts: RegionParts, signal?: AbortSignal): Promise<void> {
  await meterEvents(parts, signal);
  for (const excess of await settleSpending({ ...parts, onItsWay: async (tx, projectIds) => [...(await bytesOfImages(tx, projectIds)), ...(await bytesOfContainers(tx, projectIds))] })) await endServer(parts, excess);
}

async function endServer(parts: RegionParts, { budgetId, serverId, projectId }: Excess): Promise<void> {
  const { database, clock, random, log } = parts;
  // Locked servers too: it is not their owner's to keep them at somebody else's cost.
  const caller = { ...nobody, userId: 'stop-loss', projectId, isAdmin: true };
  log.warn({ budget: budgetId, server: serverId, projectId }, 'a server ends because its budget does');
  try {
    await database.transaction(scope, (tx) => deleteServer(parts, { tx, caller, now: clock.now(), random, requestId: `req-${random.uuid()}` }, serverId));
  } catch (error) {
    // Its owner was quicker.
    if (!(error instanceof Fault) || error.status !== 404) throw error;
  }
}
