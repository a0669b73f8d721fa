/**
 * Tells the engine what the database says. Every change leaves a mark in its own transaction; what is
 * marked is read anew and told whole, so nothing depends on the order or the number of tellings.
 */
import { DriverError, type Driver, type NetworkResource } from '../../drivers/driver.ts';
import { emit } from '../../kit/events/events.ts';
import type { Clock } from '../../kit/clock.ts';
import { gathering, type Gathering } from '../../kit/gathering.ts';
import type { Log } from '../../kit/log.ts';
import type { Database, Scope, Transaction } from '../../kit/postgres/database.ts';
import { mark, type Kind } from './changes.ts';
import { clearMarks, dirtyRefs, leapGeneration, neededBy, postpone, readProjected, type Projected, type Ref } from './projection.store.ts';
import { portsToPoll, setFloatingIpsActive, setForwardedIpsActive, setPortStatuses, setRouterPortsActive, type PortStatusChange } from './statuses.store.ts';

export type ProjectionParts = { driver: Pick<Driver, 'networks'>; database: Database; clock: Clock; log: Log };

export const projectionScope: Scope = { kind: 'system', reason: 'the engine holds the networks of every project' };

const batchSize = 500;
const staleAttempts = 5;

/** Tells all that is marked and due as it begins, or some of it when the engine cannot be reached. */
export async function projectDirty(parts: ProjectionParts, signal?: AbortSignal): Promise<void> {
  const { database, clock } = parts;
  for (;;) {
    signal?.throwIfAborted();
    const refs = await database.read(projectionScope, (tx) => dirtyRefs(tx, { now: clock.now(), limit: batchSize }));
    if (refs.length === 0) return;
    const left = await tellAll(parts, refs);
    // What is marked meanwhile waits for the next turn: while much changes it is told in few batches, and not in as many as there are changes.
    if (left === 'unavailable' || (left === 'nothing' && refs.length < batchSize)) return;
  }
}

/** Tells at once what these ports need to work, whoever else is at it. Throws what the driver throws. */
export function projectNow({ driver }: Pick<ProjectionParts, 'driver'>, database: Database, portIds: readonly string[]): Promise<void> {
  let together = tellings.get(driver);
  if (!together) {
    together = gathering<readonly string[]>((asked) => tellPorts({ driver }, database, asked.flat()), { most: 50, atOnce: 2 });
    tellings.set(driver, together);
  }
  return together(portIds);
}

/** Servers that are made together need mostly the same, which is read and told once for all of them. */
const tellings = new WeakMap<ProjectionParts['driver'], Gathering<readonly string[]>>();

async function tellPorts(parts: Pick<ProjectionParts, 'driver'>, database: Database, portIds: readonly string[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const projected = await database.read(projectionScope, async (tx) => readProjected(tx, await neededBy(tx, portIds)));
    const there = projected.filter(({ resource }) => resource !== undefined);
    try {
      await parts.driver.networks.ensure(inOrder(there));
    } catch (error) {
      // Somebody told something newer in between: read again.
      if (error instanceof DriverError && error.kind === 'stale' && attempt < staleAttempts) continue;
      throw error;
    }
    await database.transaction(projectionScope, (tx) => settle(tx, there));
    return;
  }
}

/** Compares all of it and marks what differs, so that it is told again; resolves to the number of differences. */
export async function reconcile(parts: ProjectionParts): Promise<number> {
  const { database, driver, clock, log } = parts;
  const projected = await database.read(projectionScope, (tx) => readProjected(tx, 'all'));
  const differences = await driver.networks.compare(inOrder(projected));
  if (differences.length > 0) {
    log.warn({ differences: differences.slice(0, 20), count: differences.length }, 'the network engine differs from the database');
    // Not mended here: what came after the reading would be taken for unwanted. A mark is harmless for what is right.
    await database.transaction(projectionScope, async (tx) => {
      for (const kind of kinds) await mark(tx, clock.now(), kind, differences.filter(({ resource }) => resource.kind === kind).map(({ resource }) => resource.id));
    });
  }
  await projectDirty(parts);
  await pollPorts(parts, 'all');
  return differences.length;
}

/** As of the last look. */
const editsSeen = new WeakMap<ProjectionParts['driver'], number>();

/** Compares all of it when somebody else has written to the engine, as far as that was noticed there. */
export async function reconcileAfterEdits(parts: ProjectionParts): Promise<void> {
  // An agent of the version before does not know the question.
  const edits = await parts.driver.networks.edits().catch((error: unknown) => {
    if (error instanceof DriverError && error.kind === 'invalid') return 0;
    throw error;
  });
  const before = editsSeen.get(parts.driver);
  if (before !== undefined && before !== edits) await reconcile(parts);
  // Only now: what could not be compared is due at the next look.
  editsSeen.set(parts.driver, edits);
}

/** Shows which ports carry traffic. `waiting`: only those that a host has and that do not yet. */
export async function pollPorts({ database, driver, clock }: ProjectionParts, which: 'waiting' | 'all'): Promise<void> {
  const ports = await database.read(projectionScope, (tx) => portsToPoll(tx, which));
  if (ports.length === 0) return;
  const up = new Set(await driver.networks.portsUp(ports.map(({ id }) => id)));
  const changes = ports.flatMap(({ id, status }): PortStatusChange[] => {
    const now = up.has(id) ? 'ACTIVE' : 'DOWN';
    return now === status ? [] : [{ id, status: now }];
  });
  if (changes.length === 0) return;
  await database.transaction(projectionScope, async (tx) => {
    for (const { id, project_id: projectId } of await setPortStatuses(tx, changes))
      await emit(tx, clock, { type: 'port.update.end', resource: 'port', resourceId: id, projectId, payload: {} });
  });
}

/** What is to be done again at once: nothing, some of it, or nothing of anything, as the engine is not there. */
async function tellAll(parts: ProjectionParts, refs: readonly Ref[]): Promise<'nothing' | 'some' | 'unavailable'> {
  const { database, clock, log } = parts;
  const projected = await database.read(projectionScope, (tx) => readProjected(tx, refs));
  try {
    await tell(parts, projected);
    return 'nothing';
  } catch (error) {
    if (!(error instanceof DriverError)) throw error;
    if (error.kind === 'unavailable') {
      log.warn({ err: error, count: refs.length }, 'the network engine cannot be told now');
      await database.transaction(projectionScope, (tx) => postpone(tx, refs, clock.now()));
      return 'unavailable';
    }
  }
  // One of them is the reason: the others must not wait for it.
  for (const ref of sorted(refs)) {
    const one = await database.read(projectionScope, (tx) => readProjected(tx, [ref]));
    try {
      await tell(parts, one);
    } catch (error) {
      if (!(error instanceof DriverError)) throw error;
      if (error.kind === 'stale') {
        await database.transaction(projectionScope, async (tx) => {
          for (const each of one) await leapGeneration(tx, each);
        });
        continue;
      }
      log.error({ err: error, resource: ref }, 'the network engine refused a resource');
      await database.transaction(projectionScope, (tx) => postpone(tx, [ref], clock.now()));
    }
  }
  return 'some';
}

async function tell({ driver, database }: ProjectionParts, projected: readonly Projected[]): Promise<void> {
  const gone = (...of: Kind[]) => projected.filter(({ kind, resource }) => resource === undefined && of.includes(kind)).map(({ kind, id, generation }) => ({ kind, id, generation }));
  // What held an address goes before what gets it now; what others refer to goes last.
  const first = gone('floating-ip', 'port-forwarding', 'port', 'router');
  const last = gone('security-group', 'network');
  const there = inOrder(projected);
  if (first.length > 0) await driver.networks.remove(first);
  if (there.length > 0) await driver.networks.ensure(there);
  if (last.length > 0) await driver.networks.remove(last);
  await database.transaction(projectionScope, (tx) => settle(tx, projected));
}

async function settle(tx: Transaction, told: readonly Projected[]): Promise<void> {
  const ids = (kind: Kind) => told.filter((each) => each.kind === kind && each.resource !== undefined).map(({ id }) => id);
  await clearMarks(tx, told);
  await setFloatingIpsActive(tx, ids('floating-ip'));
  await setForwardedIpsActive(tx, ids('port-forwarding'));
  await setRouterPortsActive(tx, ids('router'));
}

/** Each before what refers to it. */
const kinds: Kind[] = ['network', 'security-group', 'router', 'port', 'floating-ip', 'port-forwarding'];

function inOrder(projected: readonly Projected[]): NetworkResource[] {
  return sorted(projected).flatMap(({ resource }) => (resource ? [resource] : []));
}

function sorted<R extends Ref>(refs: readonly R[]): R[] {
  return refs.toSorted((one, other) => kinds.indexOf(one.kind) - kinds.indexOf(other.kind));
}
