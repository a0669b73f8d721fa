/** The workers, as Nova calls what they do for servers: they decide where these go, and bring them there. */
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { RegionParts } from '../parts.ts';
import { insertMissingWorkersServices, markWorking, selectWorkersServices, type WorkersService } from './services.store.ts';

/** What is on no host that runs servers: nova/conf/availability_zone.py, internal_service_availability_zone */
export const workersZone = 'internal';
/** They share their work, and none has a name of its own. */
export const workersHost = 'intercloud';

const beatMs = 15_000;
/** nova/conf/service.py, service_down_time */
const silenceMs = 60_000;

export const sayThatWorkersWork = schedule<RegionParts>('compute.heartbeat', { everyMs: beatMs, run: noteWorkers });

/** One that was deleted comes back when workers start anew, as with Nova. */
export function ensureWorkers({ database, clock, random }: Pick<RegionParts, 'database' | 'clock' | 'random'>): Promise<void> {
  return database.transaction({ kind: 'system', reason: 'services begin to work' }, async (tx) => {
    await insertMissingWorkersServices(tx, () => random.uuid(), clock.now());
    await markWorking(tx, clock.now());
  });
}

/** Draws nothing: when it is due beside something that draws, either may be first. */
function noteWorkers({ database, clock }: Pick<RegionParts, 'database' | 'clock'>): Promise<void> {
  return database.transaction({ kind: 'system', reason: 'services say that they work' }, (tx) => markWorking(tx, clock.now()));
}

export async function listWorkers(tx: Transaction, now: Date): Promise<(WorkersService & { up: boolean })[]> {
  return (await selectWorkersServices(tx)).map((service) => ({ ...service, up: now.getTime() - service.seenAt.getTime() <= silenceMs }));
}
