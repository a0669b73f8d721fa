/** What servers can be as large as. */
import { conflict, notFound } from '../../kit/fault.ts';
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import {
  deleteAccess,
  deleteFlavorRow,
  insertAccess,
  insertFlavor,
  lockFlavor,
  selectAccess,
  selectFlavor,
  selectFlavors,
  updateDescription,
  updateExtraSpecs,
  type Flavor,
} from './flavors.store.ts';

export type { Flavor } from './flavors.store.ts';

export type FlavorQuery = { isPublic: boolean | null; minMemoryMiB: number; minDiskGiB: number };

/** Administrators see private flavors too when they ask for them. nova/api/openstack/compute/flavors.py, _get_flavors */
export function listFlavors({ tx, caller }: Pick<Context, 'tx' | 'caller'>, query: FlavorQuery): Promise<Flavor[]> {
  const seesAll = caller.isAdmin && query.isPublic !== true;
  return selectFlavors(tx, { ...query, isPublic: caller.isAdmin ? query.isPublic : null, usableBy: seesAll ? null : (caller.projectId ?? '') });
}

export async function getFlavor({ tx, caller }: Pick<Context, 'tx' | 'caller'>, id: string): Promise<Flavor> {
  const flavor = await selectFlavor(tx, id, caller.isAdmin ? null : (caller.projectId ?? ''));
  if (!flavor) throw notFound(`Flavor ${id} could not be found.`);
  return flavor;
}

/** Who asks for a change, for those who hear of it. */
type Change = Pick<Context, 'tx' | 'now' | 'requestId'>;

export async function createFlavor(context: Change, flavor: Flavor): Promise<Flavor> {
  const { tx, now } = context;
  if (await insertFlavor(tx, flavor, now)) {
    await tellFlavor(context, flavor, 'create');
    return flavor;
  }
  const sameId = await selectFlavor(tx, flavor.id, null);
  throw conflict(sameId ? `Flavor with ID ${flavor.id} already exists.` : `Flavor with name ${flavor.name} already exists.`);
}

export async function describeFlavor(context: Change, id: string, description: string | null): Promise<Flavor> {
  const flavor = await lockedFlavor(context.tx, id);
  await updateDescription(context.tx, id, description);
  await tellFlavor(context, flavor, 'update');
  return { ...flavor, description };
}

/** Servers keep what they were made with. */
export async function deleteFlavor(context: Change, id: string): Promise<void> {
  const flavor = await lockedFlavor(context.tx, id);
  await tellFlavor(context, flavor, 'delete');
  await deleteFlavorRow(context.tx, id);
}

export async function addExtraSpecs(context: Change, id: string, specs: Record<string, string>): Promise<void> {
  const { tx } = context;
  const flavor = await lockedFlavor(tx, id);
  await updateExtraSpecs(tx, id, { ...flavor.extraSpecs, ...specs });
  await tellFlavor(context, flavor, 'update');
}

export async function removeExtraSpec(context: Change, id: string, key: string): Promise<void> {
  const { tx } = context;
  const flavor = await lockedFlavor(tx, id);
  const { [key]: removed, ...rest } = flavor.extraSpecs;
  if (removed === undefined) throw extraSpecNotFound(id, key);
  await updateExtraSpecs(tx, id, rest);
  await tellFlavor(context, flavor, 'update');
}

export async function getExtraSpec(context: Pick<Context, 'tx' | 'caller'>, id: string, key: string): Promise<string> {
  const value = (await getFlavor(context, id)).extraSpecs[key];
  if (value === undefined) throw extraSpecNotFound(id, key);
  return value;
}

export async function listAccess(tx: Transaction, id: string): Promise<string[]> {
  const flavor = await selectFlavor(tx, id, null);
  if (!flavor) throw notFound(`Flavor ${id} could not be found.`);
  if (flavor.isPublic) throw notFound('Access list not available for public flavors.');
  return selectAccess(tx, id);
}

/** `alsoPublic`: of one that everybody may use it is noted, and changes nothing. */
export async function addAccess(context: Change, id: string, projectId: string, { alsoPublic }: { alsoPublic: boolean }): Promise<string[]> {
  const { tx } = context;
  const flavor = await lockedFlavor(tx, id);
  if (flavor.isPublic && !alsoPublic) throw conflict('Can not add access to a public flavor.');
  if ((await insertAccess(tx, id, projectId)) === 0) throw conflict(`Flavor access already exists for flavor ${id} and project ${projectId} combination.`);
  await tellFlavor(context, flavor, 'update');
  return selectAccess(tx, id);
}

export async function removeAccess(context: Change, id: string, projectId: string): Promise<string[]> {
  const { tx } = context;
  const flavor = await lockedFlavor(tx, id);
  // While the project still sees it: it is the one to be told.
  await tellFlavor(context, flavor, 'update');
  if ((await deleteAccess(tx, id, projectId)) === 0) throw notFound(`Flavor access not found for ${id} / ${projectId} combination.`);
  return selectAccess(tx, id);
}

/** Flavors that people know, and one that is small enough for the guest that comes with the cloud. */
export async function ensureFirstFlavors(tx: Transaction, now: Date): Promise<void> {
  // The sizes of nova-manage of old and DevStack's small ones, which scripts and tutorials still name.
  const sizes: [id: string, name: string, vcpus: number, memoryMiB: number, diskGiB: number][] = [
    ['42', 'm1.nano', 1, 192, 1],
    ['84', 'm1.micro', 1, 256, 1],
    ['1', 'm1.tiny', 1, 512, 1],
    ['2', 'm1.small', 1, 2048, 20],
    ['3', 'm1.medium', 2, 4096, 40],
    ['4', 'm1.large', 4, 8192, 80],
    ['5', 'm1.xlarge', 8, 16384, 160],
  ];
  for (const [id, name, vcpus, memoryMiB, diskGiB] of sizes)
    await insertFlavor(tx, { id, name, vcpus, memoryMiB, diskGiB, ephemeralGiB: 0, swapMiB: 0, rxtxFactor: 1, isPublic: true, extraSpecs: {} }, now);
}

/** Who may use a private one hears of it, and nobody else. */
async function tellFlavor({ tx, now, requestId }: Change, { id, isPublic }: Flavor, verb: 'create' | 'update' | 'delete'): Promise<void> {
  const payload = isPublic ? {} : { seenBy: await selectAccess(tx, id) };
  await emit(tx, { now: () => now }, { type: `flavor.${verb}.end`, resource: 'flavor', resourceId: id, requestId, payload });
}

async function lockedFlavor(tx: Transaction, id: string): Promise<Flavor> {
  const flavor = await lockFlavor(tx, id);
  if (!flavor) throw notFound(`Flavor ${id} could not be found.`);
  return flavor;
}

function extraSpecNotFound(id: string, key: string) {
  return notFound(`Flavor ${id} has no extra specs with key ${key}.`);
}
