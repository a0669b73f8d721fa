/** Providers: hosts, parts of hosts, what several of them share. placement/objects/resource_provider.py */
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { moveZones } from './aggregates.ts';
import { raiseGeneration } from './claims.store.ts';
import { demandClasses, unknownTraits } from './names.ts';
import {
  deleteInventory,
  deleteProviderRow,
  hasChildren,
  insertProvider,
  isBelow,
  lockedProvider,
  moveBelow,
  nameTaken,
  replaceAggregates,
  replaceTraits,
  selectProvider,
  selectProviders,
  updateName,
  upsertInventory,
  type Provider,
  type ProviderInventory,
} from './providers.store.ts';

export type { Provider, ProviderInventory } from './providers.store.ts';

export type Change = Pick<Context, 'tx' | 'now' | 'requestId'>;
export type NewInventory = Omit<ProviderInventory, 'used'>;

/** What placement calls it when somebody else was quicker: placement/errors.py */
export const concurrentUpdate = 'placement.concurrent_update';
export const inventoryInUse = 'placement.inventory.inuse';

export function listProviders(tx: Transaction): Promise<Provider[]> {
  return selectProviders(tx);
}

export async function getProvider(tx: Transaction, id: string): Promise<Provider> {
  return (await selectProvider(tx, id)) ?? refuseUnknown(id);
}

async function locked(tx: Transaction, id: string): Promise<Provider> {
  return (await lockedProvider(tx, id)) ?? refuseUnknown(id);
}

function refuseUnknown(id: string): never {
  throw notFound(`No resource provider with uuid ${id} found`, 'placement.resource_provider.not_found');
}

/** `generation` undefined: whatever it is. */
async function lockedAt(tx: Transaction, id: string, generation: number | undefined, said: string): Promise<Provider> {
  const provider = await locked(tx, id);
  if (generation !== undefined && generation !== provider.generation) throw conflict(said, concurrentUpdate);
  return provider;
}

const generationChanged = "Resource provider's generation already changed. Please update the generation and try again.";

export async function createProvider(context: Change, { id, name, parentId }: { id: string; name: string; parentId: string | null }): Promise<Provider> {
  const { tx, now } = context;
  if (parentId === id) throw badRequest(`Unable to create resource provider "${name}", ${id}: Object action create failed because: parent provider UUID cannot be same as UUID. Please set parent provider UUID to None if there is no parent.`);
  const parent = parentId === null ? null : await selectProvider(tx, parentId);
  if (parent === undefined) throw badRequest(`Unable to create resource provider "${name}", ${id}: Object action create failed because: parent provider UUID does not exist`);
  if (!(await insertProvider(tx, { id, name, parentId, rootId: parent?.rootId ?? id }, now))) {
    const taken = await nameTaken(tx, { id, name });
    throw conflict(`Conflicting resource provider ${taken?.id === id ? `uuid: ${id}` : `name: ${name}`} already exists.`, 'placement.duplicate_name');
  }
  await tellProvider(context, { id }, 'create');
  return getProvider(tx, id);
}

/** `parentId` undefined: it stays where it is. `keepsParent`: one that has a parent keeps it. */
export async function updateProvider(context: Change, id: string, { name, parentId, keepsParent }: { name: string; parentId: string | null | undefined; keepsParent: boolean }): Promise<Provider> {
  const { tx } = context;
  const provider = await locked(tx, id);
  const because = (reason: string) => badRequest(`Unable to save resource provider ${id}: Object action update failed because: ${reason}`);
  const taken = await nameTaken(tx, { id: '', name });
  if (taken && taken.id !== id) throw conflict(`Conflicting resource provider ${name} already exists.`, 'placement.duplicate_name');
  if (parentId !== undefined && parentId !== provider.parentId) {
    if (keepsParent && provider.parentId !== null) throw because(parentId === null ? 'un-parenting a provider is not currently allowed.' : 're-parenting a provider is not currently allowed.');
    const parent = parentId === null ? null : await selectProvider(tx, parentId);
    if (parent === undefined) throw because('parent provider UUID does not exist');
    if (parentId !== null && (await isBelow(tx, parentId, id))) throw because('creating loop in the provider tree is not allowed.');
    await moveBelow(tx, id, parentId, parent?.rootId ?? id);
  }
  await updateName(tx, id, name);
  await tellProvider(context, provider, 'update');
  return getProvider(tx, id);
}

export async function deleteProvider(context: Change, id: string): Promise<void> {
  const { tx } = context;
  const provider = await lockedProvider(tx, id);
  if (!provider) throw notFound(`No resource provider with uuid ${id} found for delete`);
  if (await hasChildren(tx, id)) throw conflict(`Unable to delete parent resource provider ${id}: It has child resource providers.`, 'placement.resource_provider.cannot_delete_parent');
  if (provider.inventories.some(({ used }) => used > 0)) throw conflict(`Unable to delete resource provider ${id}: Resource provider has allocations.`, 'placement.resource_provider.inuse');
  await deleteProviderRow(tx, id);
  await tellProvider(context, provider, 'delete');
}

function demandSound(id: string, { resourceClass, total, reserved, allocationRatio }: NewInventory, doing: string): void {
  if ((total - reserved) * allocationRatio < 0 || reserved > total || allocationRatio <= 0)
    throw badRequest(`Unable to ${doing} inventory for resource provider ${id}: Invalid inventory for '${resourceClass}' on resource provider '${id}'. The reserved value is greater than total.`);
}

export async function addInventory(context: Change, id: string, generation: number | undefined, inventory: NewInventory): Promise<{ provider: Provider; inventory: NewInventory }> {
  const { tx } = context;
  const provider = await lockedAt(tx, id, generation, 'Update conflict: resource provider generation conflict');
  demandSound(id, inventory, 'create');
  await demandClasses(tx, [inventory.resourceClass]).catch((error: unknown) => {
    throw error instanceof Fault ? badRequest(`Unable to create inventory for resource provider ${id}: ${error.message}`) : error;
  });
  if (provider.inventories.some(({ resourceClass }) => resourceClass === inventory.resourceClass)) throw conflict(`Update conflict: Inventory of class ${inventory.resourceClass} exists already.`, concurrentUpdate);
  await upsertInventory(tx, id, inventory);
  return { provider: await changed(context, provider), inventory };
}

export async function changeInventory(context: Change, id: string, generation: number, inventory: NewInventory): Promise<{ provider: Provider; inventory: NewInventory }> {
  const { tx } = context;
  const provider = await lockedAt(tx, id, generation, 'resource provider generation conflict');
  demandSound(id, inventory, 'update');
  if (!provider.inventories.some(({ resourceClass }) => resourceClass === inventory.resourceClass)) throw badRequest(`No inventory record with resource class for resource provider ${id}: No inventory of class ${inventory.resourceClass} found.`);
  await upsertInventory(tx, id, inventory);
  return { provider: await changed(context, provider), inventory };
}

/** `leave`: what is not named stays for the moment. */
export async function setInventories(context: Change, id: string, generation: number | undefined, inventories: readonly NewInventory[], { leave = false } = {}): Promise<Provider> {
  const { tx } = context;
  const provider = await lockedAt(tx, id, generation, 'resource provider generation conflict');
  for (const each of inventories) demandSound(id, each, 'update');
  await demandClasses(tx, inventories.map(({ resourceClass }) => resourceClass)).catch((error: unknown) => {
    throw error instanceof Fault ? badRequest(`Unknown resource class in inventory for resource provider ${id}: ${error.message}`) : error;
  });
  for (const each of inventories) await upsertInventory(tx, id, each);
  if (!leave) await dropInventories(tx, provider, new Set(inventories.map(({ resourceClass }) => resourceClass)));
  return changed(context, provider);
}

/** Also without a generation: after a change in the same transaction. */
export async function keepOnly(context: Change, id: string, classes: ReadonlySet<string>): Promise<void> {
  await dropInventories(context.tx, await locked(context.tx, id), classes);
}

async function dropInventories(tx: Transaction, { id, inventories }: Provider, kept: ReadonlySet<string>): Promise<void> {
  const dropped = inventories.filter(({ resourceClass }) => !kept.has(resourceClass));
  const inUse = dropped.filter(({ used }) => used > 0).map(({ resourceClass }) => resourceClass);
  if (inUse.length > 0) throw conflict(`update conflict: Inventory for '${inUse.join(', ')}' on resource provider '${id}' in use.`, inventoryInUse);
  for (const { resourceClass } of dropped) await deleteInventory(tx, id, resourceClass);
}

export async function removeInventory(context: Change, id: string, resourceClass: string): Promise<void> {
  const { tx } = context;
  const provider = await locked(tx, id);
  const found = provider.inventories.find((each) => each.resourceClass === resourceClass);
  if (!found) throw notFound(`No inventory of class ${resourceClass} found for delete: No inventory of class ${resourceClass} found.`);
  if (found.used > 0) throw conflict(`Unable to delete inventory of class ${resourceClass}: Inventory for '${resourceClass}' on resource provider '${id}' in use.`, concurrentUpdate);
  await deleteInventory(tx, id, resourceClass);
  await changed(context, provider);
}

export async function setTraits(context: Change, id: string, generation: number | undefined, traits: readonly string[]): Promise<Provider> {
  const { tx } = context;
  const provider = await lockedAt(tx, id, generation, generationChanged);
  const unknown = await unknownTraits(tx, traits);
  if (unknown.length > 0) throw badRequest(`No such trait ${unknown.join(', ')}`);
  await replaceTraits(tx, id, traits);
  return changed(context, provider);
}

/** Before generations were asked for, nothing counted them here either. */
export async function setAggregates(context: Change, id: string, generation: number | undefined, ids: readonly string[]): Promise<Provider> {
  const { tx } = context;
  const provider = await lockedAt(tx, id, generation, generationChanged);
  await replaceAggregates(tx, id, ids);
  await moveZones(context);
  return generation === undefined ? getProvider(tx, id) : changed(context, provider);
}

async function changed(context: Change, provider: Provider): Promise<Provider> {
  await raiseGeneration(context.tx, provider.id);
  await tellProvider(context, provider, 'update');
  return getProvider(context.tx, provider.id);
}

/** A host is told of as a hypervisor too. */
export async function tellProvider({ tx, now, requestId }: Change, { id, hostNumber = null }: Pick<Provider, 'id'> & { hostNumber?: number | null }, verb: string): Promise<void> {
  await emit(tx, { now: () => now }, { type: `resource_provider.${verb}`, resource: 'resource_provider', resourceId: id, requestId, payload: {} });
  if (hostNumber !== null) await emit(tx, { now: () => now }, { type: 'hypervisor.update', resource: 'hypervisor', resourceId: String(hostNumber), requestId, payload: {} });
}

export function capacityOf({ total, reserved, allocationRatio }: Pick<ProviderInventory, 'total' | 'reserved' | 'allocationRatio'>): number {
  return Math.floor((total - reserved) * allocationRatio);
}

/** Whether so much can be claimed of it, beside what is. */
export function fits(inventory: ProviderInventory | undefined, amount: number): boolean {
  if (!inventory) return false;
  const { used, minUnit, maxUnit, stepSize } = inventory;
  return used + amount <= capacityOf(inventory) && amount >= minUnit && amount <= maxUnit && amount % stepSize === 0;
}
