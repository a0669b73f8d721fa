/** What there can be to claim, and what providers can do: names that all know, and those that operators add. */
import { standardClasses, standardTraits } from '../../contract/placement/standard.ts';
import { emit } from '../../kit/events/events.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { deleteName, insertName, isUsed, renameInventories, selectNames, updateName, type Kind } from './names.store.ts';

type Change = Pick<Context, 'tx' | 'now' | 'requestId'>;

export async function listClasses(tx: Transaction): Promise<string[]> {
  return [...standardClasses, ...(await selectNames(tx, 'resource_class'))];
}

export async function listTraits(tx: Transaction): Promise<string[]> {
  return [...standardTraits, ...(await selectNames(tx, 'trait'))];
}

export async function demandClasses(tx: Transaction, names: Iterable<string>): Promise<void> {
  const known = new Set(await listClasses(tx));
  for (const name of names) if (!known.has(name)) throw notFound(`No such resource class ${name}.`);
}

/** Those of these that nobody knows. */
export async function unknownTraits(tx: Transaction, names: Iterable<string>): Promise<string[]> {
  const known = new Set(await listTraits(tx));
  return [...new Set(names)].filter((name) => !known.has(name));
}

/** Whether it was made just now. */
export async function ensureName(context: Change, kind: Kind, name: string): Promise<boolean> {
  if ((kind === 'trait' ? standardTraits : standardClasses).includes(name) || !(await insertName(context.tx, kind, name, context.now))) return false;
  await tellName(context, kind, name, 'create');
  return true;
}

export async function createClass(context: Change, name: string): Promise<void> {
  if (!(await ensureName(context, 'resource_class', name))) throw conflict(`Conflicting resource class already exists: ${name}`);
}

export async function renameClass(context: Change, name: string, newName: string): Promise<void> {
  const { tx } = context;
  await demandClasses(tx, [name]);
  if (standardClasses.includes(name)) throw badRequest(`Cannot update standard resource class ${name}`);
  if (name !== newName && (await listClasses(tx)).includes(newName)) throw conflict(`Resource class already exists: ${newName}`);
  await updateName(tx, 'resource_class', name, newName);
  await renameInventories(tx, name, newName);
  await tellName(context, 'resource_class', newName, 'update');
}

export async function removeClass(context: Change, name: string): Promise<void> {
  const { tx } = context;
  await demandClasses(tx, [name]);
  if (standardClasses.includes(name)) throw badRequest(`Error in delete resource class: Cannot delete standard resource class ${name}.`);
  if (await isUsed(tx, 'resource_class', name)) throw conflict(`Error in delete resource class: Cannot delete resource class ${name}. Class is in use in inventory.`);
  await deleteName(tx, 'resource_class', name);
  await tellName(context, 'resource_class', name, 'delete');
}

export async function demandTrait(tx: Transaction, name: string): Promise<void> {
  if ((await unknownTraits(tx, [name])).length > 0) throw notFound(`No such trait(s): ${name}.`);
}

export async function removeTrait(context: Change, name: string): Promise<void> {
  const { tx } = context;
  await demandTrait(tx, name);
  if (standardTraits.includes(name)) throw badRequest(`Cannot delete standard trait ${name}.`);
  if (await isUsed(tx, 'trait', name)) throw conflict(`The trait ${name} is in use by a resource provider.`);
  await deleteName(tx, 'trait', name);
  await tellName(context, 'trait', name, 'delete');
}

function tellName({ tx, now, requestId }: Change, kind: Kind, name: string, verb: string): Promise<void> {
  return emit(tx, { now: () => now }, { type: `${kind}.${verb}`, resource: kind, resourceId: name, requestId, payload: {} });
}
