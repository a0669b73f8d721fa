/** What home asks the regions again and again: what they have left, and what became of the machines that were sent there. */
import { createClient, Refused, type Client } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import { region as regionContract } from '../../contract/intercloud/region.ts';
import type { Log } from '../../kit/log.ts';
import type { Admission } from '../admission/admission.ts';
import type { HomeParts } from '../parts.ts';
import type { ServiceTokens } from '../identity/service-tokens.ts';
import { countOutcome, setCapacity } from './capacity.store.ts';
import { settleDecision, sumIntended, unsettledDecisions, type Decision } from './decisions.store.ts';
import type { Room } from './placing.ts';
import { listRegions, type Region } from './regions.ts';
import { decisionMark } from './virtual/server-placing.ts';

export type ObservingParts = Pick<HomeParts, 'database' | 'clock' | 'log'> & { fetch: typeof fetch; serviceTokens: ServiceTokens; quarantine: Admission['quarantine'] };

const scope = { kind: 'system', reason: 'the broker asks the regions' } as const;
const withinMs = 10_000;
const mostDecisions = 500;
/** A region that was not reached for so long may have done it all the same; then it is found by its mark. */
const unknownAfterMs = 60_000;

export async function observeRegions(parts: ObservingParts): Promise<void> {
  const regions = await parts.database.read(scope, listRegions);
  await Promise.all(regions.map((each) => observeRegion(parts, each).catch((error: unknown) => parts.log.warn({ err: error, region: each.name }, 'the region did not say what it has left'))));
}

async function observeRegion(parts: ObservingParts, { name, base }: Region): Promise<void> {
  // What is decided while it answers may not be in its answer.
  const observedAt = parts.clock.now();
  const { body } = await createClient(regionContract, clientOf(parts, base)).capacity.show();
  const zones = body.zones.map(({ name: availabilityZone, free, largest }) => ({ availabilityZone, free: roomOf(free), largest: roomOf(largest), images: body.images, observedAt }));
  await parts.database.transaction(scope, async (tx) => {
    const intended = await sumIntended(tx, name);
    // As with what it has promised itself: what names no zone is counted in the first.
    await setCapacity(tx, name, zones.map((zone, index) => (index === 0 ? { ...zone, free: without(zone.free, intended), largest: without(zone.largest, intended) } : zone)));
  });
}

function without(room: Room, taken: Room): Room {
  return { vcpus: room.vcpus - taken.vcpus, memoryMiB: room.memoryMiB - taken.memoryMiB, diskGiB: room.diskGiB - taken.diskGiB };
}

function roomOf({ vcpus, memory_mib, disk_gib }: { vcpus: number; memory_mib: number; disk_gib: number }) {
  return { vcpus, memoryMiB: memory_mib, diskGiB: disk_gib };
}

/** Learns which machines came up, and finds those of which a region did not say whether it made them. */
export async function settleDecisions(parts: ObservingParts): Promise<void> {
  const decisions = await parts.database.read(scope, (tx) => unsettledDecisions(tx, mostDecisions));
  if (decisions.length === 0) return;
  const regions = new Map((await parts.database.read(scope, listRegions)).map((each) => [each.name, each]));
  for (const [name, own] of Map.groupBy(decisions, ({ region }) => region ?? '')) {
    const region = regions.get(name);
    if (!region) continue;
    const servers = createClient(compute, clientOf(parts, region.base)).servers;
    for (const decision of own) await settleOne(parts, servers, decision).catch((error: unknown) => ignoreSilence(error, parts.log, name));
  }
}

type Servers = Client<typeof compute>['servers'];

async function settleOne(parts: ObservingParts, servers: Servers, decision: Decision): Promise<void> {
  const { database, clock, quarantine } = parts;
  if (decision.serverId === null) {
    if (clock.now().getTime() - decision.decidedAt.getTime() < unknownAfterMs) return;
    await clearUp(parts, servers, decision);
    return;
  }
  const found = await statusOf(servers, decision.serverId);
  // Gone before it was looked at: nobody knows, so that it does not count.
  const succeeded = found === 'ACTIVE' ? true : found === 'ERROR' ? false : undefined;
  if (succeeded === undefined && found !== undefined) return;
  await database.transaction(scope, async (tx) => {
    await settleDecision(tx, decision.id, { state: 'placed', succeeded: succeeded ?? true, ...(succeeded === undefined ? { why: 'It was deleted before it was seen.' } : {}) }, clock.now());
    if (succeeded === undefined || decision.region === null) return;
    await countOutcome(tx, decision.region, succeeded, clock.now());
    // What is wrong with it is its owner's to read.
    if (!succeeded) await quarantine(tx, decision.region, 'boot', `A machine that was sent there did not come up (decision ${decision.id}).`);
  });
}

/** The client was told that nobody knows: what was made all the same is nobody's, and goes. */
async function clearUp({ database, clock, log }: ObservingParts, servers: Servers, decision: Decision): Promise<void> {
  const { body } = await servers.detail({ query: { all_tenants: 'True', project_id: decision.projectId } as never });
  const made = body.servers.filter(({ metadata }) => (metadata as Record<string, string> | undefined)?.[decisionMark] === decision.id);
  for (const { id } of made) {
    log.warn({ server: id, decision: decision.id, region: decision.region }, 'a machine that nobody was told of is deleted');
    await servers.delete({ params: { server_id: id } });
  }
  await database.transaction(scope, (tx) => settleDecision(tx, decision.id, { state: 'undone', succeeded: false, why: made.length === 0 ? 'The region had not made it.' : 'The region had made it without saying so; it was deleted.' }, clock.now()));
}

async function statusOf(servers: Servers, id: string): Promise<string | undefined> {
  try {
    return (await servers.show({ params: { server_id: id } })).body.server.status;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  }
}

function ignoreSilence(error: unknown, log: Log, region: string): void {
  log.warn({ err: error, region }, 'a decision could not be followed up; it is tried again');
}

function clientOf({ fetch: send, serviceTokens }: ObservingParts, base: string) {
  return { base, token: () => serviceTokens.own(), fetch: ((input, init) => send(input, { ...init, signal: AbortSignal.timeout(withinMs) })) as typeof fetch };
}
