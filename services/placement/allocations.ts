/** What consumers claim, said by an operator. Servers' claims are made and given back by compute, in the same tables. */
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { lockConsumer, upsertConsumer } from './allocations.store.ts';
import { addUse, allocationsWhere, deleteAllocations, deleteIdleConsumer, insertAllocations, noteChange, raiseGeneration, type Allocation } from './claims.store.ts';
import { demandClasses } from './names.ts';
import { lockedProvider } from './providers.store.ts';
import { concurrentUpdate, fits, tellProvider, type Change } from './providers.ts';

export type Claim = {
  consumerId: string;
  projectId: string;
  userId: string;
  type: string | null;
  /** Null: it is new. Undefined: whatever it is. */
  generation: number | null | undefined;
  /** By provider, by class. None: all is given back. */
  allocations: ReadonlyMap<string, ReadonlyMap<string, number>>;
};

/** All of these, or none. `counts`: whether providers are of another generation afterwards. */
export async function setAllocations(context: Change, claims: readonly Claim[], { counts = true } = {}): Promise<void> {
  const { tx, now } = context;
  const before: Allocation[] = [];
  for (const claim of claims.toSorted((one, other) => (one.consumerId < other.consumerId ? -1 : 1))) {
    await demandGeneration(tx, claim);
    before.push(...(await allocationsWhere(tx, { consumerId: claim.consumerId })));
  }
  await demandClasses(tx, claims.flatMap(({ allocations }) => [...allocations.values()].flatMap((amounts) => [...amounts.keys()]))).catch((error: unknown) => {
    throw error instanceof Fault ? badRequest(`Unable to allocate inventory for consumer ${claims.map(({ consumerId }) => consumerId).join(', ')}: ${error.message}`) : error;
  });
  const touched = [...new Set([...before.map(({ providerId }) => providerId), ...claims.flatMap(({ allocations }) => [...allocations.keys()])])].toSorted();
  for (const id of touched) if (!(await lockedProvider(tx, id))) throw badRequest(`Allocation for resource provider '${id}' that does not exist.`);
  for (const { providerId, resourceClass, used } of before) await addUse(tx, providerId, [{ resourceClass, amount: -used }]);
  for (const { consumerId, providerId } of before) await deleteAllocations(tx, consumerId, providerId);
  for (const claim of claims) await claimAll(tx, claim, now);
  for (const id of touched) {
    await (counts ? raiseGeneration(tx, id) : noteChange(tx, id));
    await tellProvider(context, (await lockedProvider(tx, id))!, 'update');
  }
  for (const { consumerId } of claims) await deleteIdleConsumer(tx, consumerId);
}

async function demandGeneration(tx: Transaction, { consumerId, generation }: Claim): Promise<void> {
  const consumer = await lockConsumer(tx, consumerId);
  if (consumer?.isServer) throw conflict(`Consumer ${consumerId} is a server of this cloud: what it claims follows from its flavor and its host.`);
  if (generation === undefined) return;
  const expected = consumer?.generation ?? null;
  if (expected !== generation) throw conflict(`consumer generation conflict - expected ${expected ?? 'null'} but got ${generation ?? 'None'}`, concurrentUpdate);
}

async function claimAll(tx: Transaction, { consumerId, projectId, userId, type, allocations }: Claim, now: Date): Promise<void> {
  if (allocations.size === 0) return;
  await upsertConsumer(tx, { id: consumerId, projectId, userId, type }, now);
  for (const [providerId, wanted] of allocations) {
    const provider = await lockedProvider(tx, providerId);
    const amounts = [...wanted].map(([resourceClass, amount]) => ({ resourceClass, amount }));
    for (const { resourceClass, amount } of amounts) {
      const inventory = provider?.inventories.find((each) => each.resourceClass === resourceClass);
      if (!inventory) throw conflict(`Unable to allocate inventory: Inventory for '${resourceClass}' on resource provider '${providerId}' invalid.`);
      const { minUnit, maxUnit, stepSize } = inventory;
      if (amount < minUnit || amount > maxUnit || amount % stepSize !== 0) throw conflict(`Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${providerId}'. The requested amount would violate inventory constraints.`);
      if (!fits(inventory, amount)) throw conflict(`Unable to allocate inventory: Unable to create allocation for '${resourceClass}' on resource provider '${providerId}'. The requested amount would exceed the capacity.`);
    }
    if (!(await addUse(tx, providerId, amounts))) throw conflict('Inventory and/or allocations changed while attempting to allocate', concurrentUpdate);
    await insertAllocations(tx, { consumerId, projectId, providerId, now }, amounts);
  }
}

/** Who only gives back gets in nobody's way: upstream counts no generation for it either. placement/objects/allocation.py, delete_all */
export async function removeAllocations(context: Change, consumerId: string): Promise<void> {
  if ((await allocationsWhere(context.tx, { consumerId })).length === 0) throw notFound(`No allocations for consumer '${consumerId}'`);
  await setAllocations(context, [{ consumerId, projectId: '', userId: '', type: null, generation: undefined, allocations: new Map() }], { counts: false });
}
