/**
 * Servers that are to be there whatever becomes of their host: once it is dead they are evacuated without being asked.
 * They say so as for Masakari, by `HA_Enabled=True` in their metadata, or by their flavor's extra spec of that name.
 * masakari/engine/drivers/taskflow/host_failure.py, masakari/conf/engine_driver.py
 */
import { Fault } from '../../kit/fault.ts';
import { nobody } from '../../kit/http/caller.ts';
import type { Context } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { declareDead } from '../placement/dead-hosts.ts';
import { selectToEvacuate } from './hosted-servers.store.ts';
import { evacuateServer } from './server-moves.ts';

/** Of one run, so that none takes long; the next one goes on. */
const mostAtOnce = 50;
const scope = { kind: 'system', reason: 'servers leave hosts that are dead' } as const;

export const evacuateFromDeadHosts = schedule<RegionParts>('compute.dead-hosts', { everyMs: 2_000, run: leaveDeadHosts });

export async function leaveDeadHosts(parts: RegionParts): Promise<void> {
  const { database, clock, log } = parts;
  const { dead, state, most, isNews } = await database.transaction(scope, (tx) => declareDead(tx, clock.now()));
  const about = { hosts: dead.map(({ hostname }) => hostname), most };
  if (isNews && state === 'held') log.error(about, 'more hosts are gone at once than can be dead: no server is made elsewhere by itself; look whether it is the network, and evacuate by hand');
  else if (isNews) log.warn(about, 'hosts are dead, and servers that are to be highly available leave them');
  if (dead.length === 0 || state === 'held') return;
  const servers = await database.read(scope, (tx) => selectToEvacuate(tx, dead.map(({ id }) => id), mostAtOnce));
  for (const server of servers) await evacuate(parts, server);
}

async function evacuate(parts: RegionParts, { id, projectId }: { id: string; projectId: string }): Promise<void> {
  const { database, clock, random, log } = parts;
  try {
    await database.transaction(scope, async (tx) => {
      const context: Context = { tx, now: clock.now(), random, requestId: `req-${random.uuid()}`, caller: { ...nobody, projectId, isAdmin: true } };
      await evacuateServer(parts, context, id, { hostname: null, adminPass: null, keepPower: true });
    });
  } catch (error) {
    // There is no room, or somebody else has begun something with it. The next run tries again.
    if (!(error instanceof Fault)) throw error;
    log.warn({ serverId: id, err: error }, 'a server cannot leave a dead host yet');
  }
}
