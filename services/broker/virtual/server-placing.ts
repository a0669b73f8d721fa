/** `POST /servers` of the region that spans all: decided, written down, then asked of the region, and never asked blindly twice. */
import { createHash } from 'node:crypto';
import { compute } from '../../../contract/compute/service.ts';
import { image } from '../../../contract/image/service.ts';
import { network } from '../../../contract/network/service.ts';
import { volume } from '../../../contract/volume/service.ts';
import { Fault } from '../../../kit/fault.ts';
import { countOutcome } from '../capacity.store.ts';
import type { Offers } from '../candidates.ts';
import { keepDecision, weigh } from '../decisions.ts';
import { findDecisionByKey, settleDecision, type Decision } from '../decisions.store.ts';
import { needsOfMachines, type Policy, type Wish } from '../placing.ts';
import type { Region } from '../regions.ts';
import { operationAt, withIds } from './collections.ts';
import { copyTo } from './copies.ts';
import { look, regionNamed, remember, whereAre, whereIs, type Errand } from './errand.ts';
import { Unanswered, unreachable, type Reply } from './relay.ts';

type Thing = Record<string, unknown>;
type Server = Thing & { metadata?: Record<string, string> };

/** The mark by which a machine is found again when a region did not say whether it made it. */
export const decisionMark = 'intercloud:decision';

const mostTries = 3;

export type Placing = { offers: Offers; body: unknown; headers: Record<string, string>; clientKey: string | null; /** Instead of the project's. */ policy?: Policy };

/** The region's own answer, or undefined when the body is not one that could be decided on: then a region says what is wrong. */
export async function placeServer(errand: Errand, { offers, body, headers, clientKey, policy }: Placing): Promise<{ reply: Reply; region: Region } | undefined> {
  const server = (body as { server?: Server } | undefined)?.server;
  if (typeof server !== 'object' || server === null) return undefined;
  const read = await readWish(errand, server);
  if (!read) return undefined;
  const key = clientKey === null ? null : createHash('sha256').update(`${errand.caller.userId} ${clientKey}`).digest('hex');
  const before = key === null ? undefined : await errand.read((tx) => findDecisionByKey(tx, errand.projectId, key));
  if (before) return ask(errand, before, { body, server, read, headers });

  const refusing: string[] = [];
  let refusal: { reply: Reply; region: Region } | undefined;
  for (let tries = 1; ; tries++) {
    // Decided anew each time, without those that could not.
    const decision = await errand.write(async (tx) => {
      const decided = await weigh(tx, offers, { projectId: errand.projectId, now: errand.now, wish: read.wish, exclude: refusing, ...(policy ? { policy } : {}) });
      return keepDecision({ ...errand, tx }, { id: errand.random.uuid(), clientKey: key, wish: read.wish, decided });
    });
    // Who was refused is told why by whoever refused, and not that there is no other place.
    if (decision.region === null && refusal) return refusal;
    if (decision.region === null) throw nowhere(decision);
    const answered = await ask(errand, decision, { body, server, read, headers });
    if (answered.reply.status < 300 || !couldBeElsewhere(answered.reply) || read.wish.fixed || tries === mostTries) return answered;
    refusing.push(decision.region);
    refusal = answered;
  }
}

type Read = { wish: Wish; imageAt: Region | undefined; networkAt: Map<string, Region> };

/** What is wished for, as far as it says; undefined when flavor or image are not to be found. */
export async function readWish(errand: Errand, server: Server): Promise<Read | undefined> {
  const flavor = await flavorOf(errand, server['flavorRef']);
  if (!flavor) return undefined;
  const imageRef = typeof server['imageRef'] === 'string' && server['imageRef'] !== '' ? server['imageRef'] : undefined;
  const source = imageRef === undefined ? undefined : await look(errand, image, 'images', imageRef);
  if (imageRef !== undefined && !source) return undefined;
  const seen = source?.reply.body as Thing | undefined;
  const networks = Array.isArray(server['networks']) ? (server['networks'] as Thing[]) : [];
  const networkIds = networks.flatMap(({ uuid }) => (typeof uuid === 'string' ? [uuid] : []));
  const networkAt = await whereAre(errand, network, networkIds, ['networks']);
  return {
    wish: {
      vcpus: Number(flavor['vcpus']),
      memoryMiB: Number(flavor['ram']),
      diskGiB: Number(flavor['disk']),
      count: typeof server['min_count'] === 'number' ? server['min_count'] : 1,
      image: seen ? { sha256: String(seen['os_hash_value'] ?? ''), sizeGiB: Math.ceil(Number(seen['size'] ?? 0) / 2 ** 30) } : null,
      needs: needsOf(server),
      flavor: String(flavor['id']),
      fixed: await fixedBy(errand, server, networks),
    },
    imageAt: source?.region,
    networkAt,
  };
}

/** What a place must be proved to do for this machine to be what was asked for. */
function needsOf(server: Server): string[] {
  const { networks, imageRef } = server;
  const devices = devicesOf(server);
  const isVolume = (device: Thing) => device['destination_type'] === 'volume' || ['volume', 'snapshot'].includes(String(device['source_type'])) || typeof device['volume_id'] === 'string' || typeof device['snapshot_id'] === 'string';
  return [
    ...needsOfMachines,
    ...(typeof imageRef === 'string' && imageRef !== '' ? ['image'] : []),
    ...(networks === 'none' || (Array.isArray(networks) && networks.length === 0) ? [] : ['network']),
    ...(devices.some(isVolume) ? ['volume'] : []),
  ];
}

function devicesOf(server: Server): Thing[] {
  return [...((server['block_device_mapping_v2'] as Thing[] | undefined) ?? []), ...((server['block_device_mapping'] as Thing[] | undefined) ?? [])];
}

async function flavorOf(errand: Errand, ref: unknown): Promise<Thing | undefined> {
  if (typeof ref !== 'string') return undefined;
  const id = ref.split('/').at(-1) ?? '';
  const reply = await errand.relay(errand.anchor, { service: compute, operation: operationAt(compute, 'GET', '/flavors/{}'), params: { flavor_id: id } });
  return reply.status === 200 ? ((reply.body as Thing)['flavor'] as Thing) : undefined;
}

/** What is in one place only says where the machine has to be. */
async function fixedBy(errand: Errand, server: Server, networks: readonly Thing[]): Promise<Wish['fixed']> {
  const zone = server['availability_zone'];
  if (typeof zone === 'string') {
    const region = zone.split(':')[0] ?? '';
    if (!regionNamed(errand, region)) throw new Fault(400, 'badRequest', 'The requested availability zone is not available');
    return { region, because: `the availability zone ${zone}` };
  }
  for (const { port } of networks) {
    const region = typeof port === 'string' ? await whereIs(errand, network, 'ports', port) : undefined;
    if (region) return { region: region.name, because: `port ${String(port)}` };
  }
  for (const device of devicesOf(server)) {
    for (const [field, collection] of [['volume_id', 'volumes'], ['snapshot_id', 'snapshots']] as const) {
      const id = device[field] ?? (device['source_type'] === field.split('_')[0] ? device['uuid'] : undefined);
      const region = typeof id === 'string' ? await whereIs(errand, volume, collection, id) : undefined;
      if (region) return { region: region.name, because: `${field.split('_')[0]} ${String(id)}` };
    }
  }
  return null;
}

/** Asks the region that was decided on, with the decision's id as key: a region that is asked again answers as before. */
async function ask(errand: Errand, decision: Decision, { body, server, read, headers }: { body: unknown; server: Server; read: Read; headers: Record<string, string> }): Promise<{ reply: Reply; region: Region }> {
  const region = regionNamed(errand, decision.region ?? '');
  if (!region) throw unreachable(new Unanswered(decision.region ?? 'none', undefined));
  const ids = await idsThere(errand, region, server, read);
  const { availability_zone: zone, metadata, ...rest } = withIds(server, ids);
  const inRegion = typeof zone === 'string' && zone.includes(':') ? { availability_zone: zone.slice(zone.indexOf(':') + 1) } : {};
  const sent = { ...(body as Thing), server: { ...rest, ...inRegion, metadata: { ...metadata, [decisionMark]: decision.id } } };
  const operation = operationAt(compute, 'POST', '/servers');
  const asked = { service: compute, operation, body: sent, headers: { ...headers, 'idempotency-key': decision.id } };
  let reply: Reply;
  try {
    // The second time it says what it did the first time.
    reply = await errand.relay(region, asked).catch((error: unknown) => {
      if (!(error instanceof Unanswered)) throw error;
      return errand.relay(region, asked);
    });
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    await errand.write((tx) => settleDecision(tx, decision.id, { state: 'unknown', why: 'The region did not say what it did.' }, errand.now));
    throw unreachable(error);
  }
  if (reply.status < 300) {
    const id = idOf(reply);
    await remember(errand, 'servers', id, region);
    await errand.write((tx) => settleDecision(tx, decision.id, { state: 'placed', serverId: id }, errand.now));
  } else
    await errand.write(async (tx) => {
      await settleDecision(tx, decision.id, { state: 'refused', why: `${region.name} refused with ${reply.status}` }, errand.now);
      if (reply.status >= 500) await countOutcome(tx, region.name, false, errand.now);
    });
  return { reply, region };
}

/** What the region calls the things that the body names; what is not there yet is copied there first. */
async function idsThere(errand: Errand, region: Region, server: Server, read: Read): Promise<Map<string, string>> {
  const ids = new Map<string, string>();
  const { imageAt } = read;
  if (imageAt && typeof server['imageRef'] === 'string') ids.set(server['imageRef'], await copyTo(errand, 'images', server['imageRef'], imageAt, region));
  for (const [id, at] of read.networkAt) ids.set(id, await copyTo(errand, 'networks', id, at, region));
  if (region.name === errand.anchor.name) return ids;
  if (typeof server['key_name'] === 'string') await copyTo(errand, 'os-keypairs', server['key_name'], errand.anchor, region);
  for (const { name } of (server['security_groups'] as { name?: unknown }[] | undefined) ?? []) {
    const group = typeof name === 'string' ? await groupNamed(errand, name) : undefined;
    if (!group) continue;
    const copy = await copyTo(errand, 'security-groups', group.id, errand.anchor, region);
    if (name === group.id) ids.set(group.id, copy);
  }
  return ids;
}

async function groupNamed(errand: Errand, nameOrId: string): Promise<{ id: string } | undefined> {
  const operation = operationAt(network, 'GET', '/security-groups');
  const queries: Record<string, string>[] = [{ id: nameOrId }, { name: nameOrId, project_id: errand.projectId }];
  for (const query of queries) {
    const reply = await errand.relay(errand.anchor, { service: network, operation, query });
    const groups = reply.status === 200 ? (reply.body as { security_groups: { id: string }[] }).security_groups : [];
    if (groups[0]) return groups[0];
  }
  return undefined;
}

export function idOf(reply: Reply): string {
  return String((reply.body as { server: { id: unknown } }).server.id);
}

/** Nova's words for it, and how to learn more. */
function nowhere({ id, verdicts }: Decision): Fault {
  const reasons = [...new Set(verdicts.flatMap(({ reasons: own }) => own))].slice(0, 3).join('; ');
  return new Fault(403, 'forbidden', `No valid host was found. ${reasons === '' ? 'No region has said what it has left.' : `${reasons}.`} Decision ${id} says why for each region.`);
}

/** Full, over its own quota, or broken: another region may do it. A body that is wrong is wrong everywhere. */
function couldBeElsewhere({ status }: Reply): boolean {
  return status === 403 || status === 413 || status === 429 || status >= 500;
}
