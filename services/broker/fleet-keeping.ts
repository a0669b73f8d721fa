/**
 * Makes each fleet have as many machines as it should: at home while there is room, at partners within the budget when there
 * is none, and home again once room has lasted. Each round looks first and does what is next; a round may end anywhere.
 */
import { compute } from '../../contract/compute/service.ts';
import { Fault } from '../../kit/fault.ts';
import type { Authenticate } from '../../kit/http/caller.ts';
import { sql } from '../../kit/postgres/database.ts';
import type { ServiceTokens } from '../identity/service-tokens.ts';
import type { Offers } from './candidates.ts';
import { weigh } from './decisions.ts';
import { burstSpent, spentOn, tellFleet, type Burst, type Fleet, type Machine } from './fleets.ts';
import { deleteFleet, endMachine, insertMachine, lockFleet, selectFleets, setObstacle, setRoomSince, updateMachine } from './fleets.store.ts';
import { policyOf } from './policies.ts';
import type { Candidate, Policy, Wish } from './placing.ts';
import { operationAt } from './virtual/collections.ts';
import { regionNamed, startErrand, type Errand, type VirtualParts } from './virtual/errand.ts';
import { Unanswered, type Reply } from './virtual/relay.ts';
import { idOf, placeServer, readWish } from './virtual/server-placing.ts';

export type KeepingParts = VirtualParts & { offers: Offers; serviceTokens: ServiceTokens; authenticate: Authenticate };

const scope = { kind: 'system', reason: 'fleets are kept' } as const;
/** Made in one round, so that no fleet keeps the others waiting. */
const mostMade = 10;

export async function keepFleets(parts: KeepingParts, signal: AbortSignal): Promise<void> {
  const fleets = await parts.database.read(scope, (tx) => selectFleets(tx, sql`true`));
  for (const fleet of fleets) {
    if (signal.aborted) return;
    await keepFleet(parts, fleet, signal).catch((error: unknown) => parts.log.warn({ err: error, fleet: fleet.id }, 'a fleet could not be kept; it is tried again'));
  }
}

async function keepFleet(parts: KeepingParts, fleet: Fleet, signal: AbortSignal): Promise<void> {
  const errand = await inNameOfOwner(parts, fleet, signal);
  if (!errand) return say(parts, fleet, 'Whoever made it has no right in the project any more.');
  for (const machine of fleet.machines) await look(parts, errand, fleet, machine);
  for (const machine of (await now(parts, fleet)).machines) if (machine.state === 'leaving') await endOne(parts, errand, fleet, machine);
  await balance(parts, errand, await now(parts, fleet));
}

async function inNameOfOwner(parts: KeepingParts, { userId, projectId }: Fleet, signal: AbortSignal): Promise<Errand | undefined> {
  const token = await parts.serviceTokens.inNameOf(userId, projectId);
  const caller = token === undefined ? undefined : await parts.authenticate(token);
  return caller && startErrand(parts, { caller, requestId: `req-${parts.random.uuid()}`, now: parts.clock.now(), random: parts.random, signal });
}

/** As the region has it: up, on its way, broken, stopped or gone. What does not run is made again elsewhere. */
async function look(parts: KeepingParts, errand: Errand, fleet: Fleet, machine: Machine): Promise<void> {
  if (machine.serverId === null) return make(parts, errand, fleet, machine);
  const reply = await ask(errand, machine, 'GET');
  if (reply === undefined) return;
  if (reply.status === 404) return end(parts, fleet, machine);
  const status = (reply.body as { server?: { status?: string } } | undefined)?.server?.status;
  const state = machine.state === 'leaving' || status === 'ERROR' || status === 'SHUTOFF' ? 'leaving' : status === 'ACTIVE' ? 'running' : machine.state;
  if (state !== machine.state) await change(parts, fleet, { ...machine, state });
}

async function endOne(parts: KeepingParts, errand: Errand, fleet: Fleet, machine: Machine): Promise<void> {
  if (machine.serverId === null) return end(parts, fleet, machine);
  const reply = await ask(errand, machine, 'DELETE');
  if (reply?.status === 404) await end(parts, fleet, machine);
}

/** Undefined: the region does not answer now. */
async function ask(errand: Errand, { region: name, serverId }: Machine, method: 'GET' | 'DELETE'): Promise<Reply | undefined> {
  const region = regionNamed(errand, name ?? '');
  if (!region || serverId === null) return undefined;
  try {
    return await errand.relay(region, { service: compute, operation: operationAt(compute, method, '/servers/{}'), params: { server_id: serverId } });
  } catch (error) {
    if (error instanceof Unanswered) return undefined;
    throw error;
  }
}

async function balance(parts: KeepingParts, errand: Errand, fleet: Fleet): Promise<void> {
  const at = parts.clock.now();
  if (fleet.status === 'deleting') return fleet.machines.length === 0 ? finish(parts, fleet) : leave(parts, fleet, fleet.machines);
  const burst: Burst = fleet.burst ?? {};
  const given = burst.stopLoss !== undefined && burstSpent(fleet, at) >= BigInt(burst.stopLoss);
  const overdue = fleet.machines.filter((machine) => machine.kind === 'partner' && (given || (burst.longestSeconds !== undefined && at.getTime() - Date.parse(machine.since) >= burst.longestSeconds * 1000)));
  if (overdue.some(({ state }) => state !== 'leaving')) await leave(parts, fleet, overdue);

  const staying = fleet.machines.filter((machine) => machine.state !== 'leaving' && !overdue.includes(machine));
  const wish = await wishOf(errand, fleet);
  if (!wish) return say(parts, fleet, 'Its flavor or its image is not there any more.');
  if (staying.length < fleet.size) return fill(parts, errand, fleet, { wish, missing: fleet.size - staying.length, mayBurst: fleet.burst !== null && !given });
  await say(parts, fleet, null);
  if (staying.length > fleet.size) return thin(parts, fleet, staying);
  await bringHome(parts, errand, fleet, { wish, staying });
}

async function fill(parts: KeepingParts, errand: Errand, fleet: Fleet, { wish, missing, mayBurst }: { wish: Wish; missing: number; mayBurst: boolean }): Promise<void> {
  for (let made = 0; made < Math.min(missing, mostMade); made++) {
    const intent = await intend(parts, fleet, wish, mayBurst ? ['own', 'partner'] : ['own']);
    if (typeof intent === 'string') return say(parts, fleet, intent);
    await make(parts, errand, fleet, intent);
  }
}

/** One machine more, at home if there is room; the reason why not, as text. Under the fleet's lock, so that no budget is spent twice. */
function intend(parts: KeepingParts, { id, projectId }: Fleet, wish: Wish, kinds: readonly Candidate['kind'][]): Promise<Machine | string> {
  return parts.database.transaction(scope, async (tx) => {
    const fleet = await lockFleet(tx, id);
    const at = parts.clock.now();
    if (!fleet || fleet.status === 'deleting') return 'It is being deleted.';
    let why = 'No place would do.';
    for (const kind of kinds) {
      const policy = await policyFor(tx, fleet, kind);
      const { ruling, candidates } = await weigh(tx, parts.offers, { projectId, now: at, wish, policy });
      const { chosen } = ruling;
      const free = candidates.filter((each) => each.kind === 'own').reduce((sum, each) => sum + each.free.vcpus, 0);
      if (!chosen) why = ruling.verdicts.flatMap(({ reasons }) => reasons)[0] ?? why;
      else if (kind === 'own' && free - wish.vcpus < (fleet.burst?.keepFreeVcpus ?? 0)) why = 'What is left at home is to be kept free.';
      else if (kind === 'partner' && !isWithinBudget(fleet, chosen.hourly, at)) why = 'Bursting would cost more than its budget.';
      else {
        const machine: Machine = { id: parts.random.uuid(), state: 'intended', kind, region: null, serverId: null, hourly: String(chosen.hourly), since: at.toISOString() };
        const currency = candidates.find(({ region }) => region === chosen.region)?.currency ?? null;
        await insertMachine(tx, { ...machine, fleetId: id, projectId, kind, hourly: chosen.hourly, currency }, at);
        return machine;
      }
    }
    return why;
  });
}

/** The project's policy, for places of this kind only. */
async function policyFor(tx: Parameters<typeof policyOf>[0], { projectId }: Fleet, kind: Candidate['kind']): Promise<Policy> {
  const { policy } = await policyOf(tx, projectId);
  const kinds = policy.limits.kinds?.includes(kind) === false ? [] : [kind];
  return { ...policy, limits: { ...policy.limits, kinds } };
}

function isWithinBudget({ burst, machines, ...fleet }: Fleet, hourly: bigint, at: Date): boolean {
  const running = machines.filter(({ kind }) => kind === 'partner').reduce((sum, machine) => sum + BigInt(machine.hourly ?? 0), 0n);
  if (burst?.hourlyAtMost !== undefined && running + hourly > BigInt(burst.hourlyAtMost)) return false;
  return burst?.stopLoss === undefined || burstSpent({ burst, machines, ...fleet }, at) < BigInt(burst.stopLoss);
}

/** Asks for it under its own key: a second time finds what the first time made. */
async function make(parts: KeepingParts, errand: Errand, fleet: Fleet, machine: Machine): Promise<void> {
  if (machine.state === 'leaving' || machine.kind === null) return end(parts, fleet, machine);
  const policy = await parts.database.read(scope, (tx) => policyFor(tx, fleet, machine.kind!));
  const within = machine.kind === 'partner' && machine.hourly !== null ? { ...policy, limits: { ...policy.limits, hourlyAtMost: BigInt(machine.hourly) } } : policy;
  try {
    const placed = await placeServer({ ...errand, now: parts.clock.now() }, { offers: parts.offers, body: bodyOf(fleet, machine), headers: { 'openstack-api-version': 'compute 2.1' }, clientKey: machine.id, policy: within });
    if (!placed || placed.reply.status >= 300) {
      await end(parts, fleet, machine);
      return await say(parts, fleet, placed ? `${placed.region.name} refused with ${placed.reply.status}: ${wordsOf(placed.reply)}` : 'No region can make what was asked for.');
    }
    await change(parts, fleet, { ...machine, state: 'starting', region: placed.region.name, serverId: idOf(placed.reply), since: parts.clock.now().toISOString() });
  } catch (error) {
    // Nobody knows whether it was made: it stays intended, and is asked for again.
    if (!(error instanceof Fault) || error.status === 503) throw error;
    await end(parts, fleet, machine);
    await say(parts, fleet, error.message);
  }
}

/** What the region said, in Nova's shape. */
function wordsOf({ body }: Reply): string {
  const [said] = typeof body === 'object' && body !== null ? Object.values(body as Record<string, { message?: unknown }>) : [];
  return typeof said?.message === 'string' ? said.message : 'it did not say why.';
}

function bodyOf({ name, machine: { flavor, image, networks, metadata, ...more } }: Fleet, { id }: Machine): object {
  const { security_groups: groups, ...rest } = more;
  return {
    server: {
      ...rest,
      name: `${name}-${id.slice(0, 8)}`,
      flavorRef: flavor,
      imageRef: image,
      networks: networks.map((uuid) => ({ uuid })),
      ...(groups ? { security_groups: groups.map((group) => ({ name: group })) } : {}),
      ...(metadata ? { metadata } : {}),
    },
  };
}

async function wishOf(errand: Errand, fleet: Fleet): Promise<Wish | undefined> {
  return (await readWish(errand, { flavorRef: fleet.machine.flavor, imageRef: fleet.machine.image }))?.wish;
}

/** The dearest at partners first; none that is up while those that stay are not. */
async function thin(parts: KeepingParts, fleet: Fleet, staying: readonly Machine[]): Promise<void> {
  const byRank = staying.toSorted((one, other) => rank(other) - rank(one) || (one.since < other.since ? 1 : -1));
  const going: Machine[] = [];
  for (const machine of byRank.slice(0, staying.length - fleet.size)) {
    const others = staying.filter((each) => each !== machine && !going.includes(each));
    const up = others.filter(({ state }) => state === 'running').length;
    if (machine.state === 'running' && up < fleet.size) break;
    going.push(machine);
  }
  await leave(parts, fleet, going);
}

function rank({ kind, hourly }: Machine): number {
  return kind === 'partner' ? 1 + Number(hourly ?? 0) : 0;
}

/** One at a time, once there has been room for it long enough: what comes and goes is not worth a move. */
async function bringHome(parts: KeepingParts, errand: Errand, fleet: Fleet, { wish, staying }: { wish: Wish; staying: readonly Machine[] }): Promise<void> {
  if (!staying.some(({ kind }) => kind === 'partner')) return;
  const at = parts.clock.now();
  const room = await parts.database.read(scope, async (tx) => {
    const { ruling, candidates } = await weigh(tx, parts.offers, { projectId: fleet.projectId, now: at, wish, policy: await policyFor(tx, fleet, 'own') });
    const free = candidates.filter(({ kind }) => kind === 'own').reduce((sum, each) => sum + each.free.vcpus, 0);
    return ruling.chosen !== null && free - wish.vcpus >= (fleet.burst?.keepFreeVcpus ?? 0);
  });
  if (!room) return fleet.roomSince === null ? undefined : parts.database.transaction(scope, (tx) => setRoomSince(tx, fleet.id, null));
  if (fleet.roomSince === null) await parts.database.transaction(scope, (tx) => setRoomSince(tx, fleet.id, at));
  const since = fleet.roomSince ?? at;
  if (at.getTime() - since.getTime() < (fleet.burst?.homeAfterSeconds ?? 0) * 1000) return;
  const intent = await intend(parts, fleet, wish, ['own']);
  if (typeof intent !== 'string') await make(parts, errand, fleet, intent);
}

async function leave(parts: KeepingParts, fleet: Fleet, machines: readonly Machine[]): Promise<void> {
  for (const machine of machines) if (machine.state !== 'leaving') await change(parts, fleet, { ...machine, state: 'leaving' });
}

function now(parts: KeepingParts, { id }: Fleet): Promise<Fleet> {
  return parts.database.read(scope, async (tx) => (await selectFleets(tx, sql`f.id = ${id}`))[0] ?? gone(id));
}

function gone(id: string): never {
  throw new Error(`The fleet ${id} went away while it was kept`);
}

function change(parts: KeepingParts, fleet: Fleet, machine: Machine): Promise<void> {
  return parts.database.transaction(scope, async (tx) => {
    await updateMachine(tx, machine, new Date(machine.since));
    await tellFleet({ tx, now: parts.clock.now() }, 'update', fleet);
  });
}

function end(parts: KeepingParts, fleet: Fleet, machine: Machine): Promise<void> {
  return parts.database.transaction(scope, async (tx) => {
    await endMachine(tx, fleet.id, machine.id, spentOn(machine, parts.clock.now()));
    await tellFleet({ tx, now: parts.clock.now() }, 'update', fleet);
  });
}

function finish(parts: KeepingParts, fleet: Fleet): Promise<void> {
  return parts.database.transaction(scope, async (tx) => {
    await deleteFleet(tx, fleet.id);
    await tellFleet({ tx, now: parts.clock.now() }, 'delete', fleet);
  });
}

function say(parts: KeepingParts, fleet: Fleet, obstacle: string | null): Promise<void> {
  return parts.database.transaction(scope, async (tx) => {
    if (await setObstacle(tx, fleet.id, obstacle)) await tellFleet({ tx, now: parts.clock.now() }, 'update', fleet);
  });
}
