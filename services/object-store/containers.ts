/** Containers, which another door calls buckets. */
import { emit } from '../../kit/events/events.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import { ensureAccount, type AccountContext, type HeaderChanges } from './accounts.ts';
import { claimKeeping } from './spending.ts';
import { deleteUploadsOf } from './multipart-uploads.store.ts';
import { deleteContainerRow, deleteExpiredRows, hasObjects, insertContainer, listContainerRows, lockContainer, mergeContainerFacts, mergeContainerHeaders, selectContainer, selectContainerUsage, updateVersioning, type Container, type ContainerUsage, type ListedContainer, type Versioning } from './containers.store.ts';
import type { NameRange } from './names.store.ts';
import { demandAllowed } from './public-access.ts';

export type { Container, ContainerUsage, ListedContainer, Versioning } from './containers.store.ts';
export type { NameRange } from './names.store.ts';

export const noSuchContainer = () => notFound('The resource could not be found.', 'NoSuchContainer');

export function findContainer({ tx, projectId }: AccountContext, name: string): Promise<Container | undefined> {
  return selectContainer(tx, projectId, name);
}

export async function getContainer(context: AccountContext, name: string): Promise<Container> {
  const container = await findContainer(context, name);
  if (!container) throw noSuchContainer();
  return container;
}

export function usageOf({ tx }: AccountContext, container: Pick<Container, 'id'>): Promise<ContainerUsage> {
  return selectContainerUsage(tx, container.id);
}

/** Makes it, or finds it and merges the headers into its own: `created` says which. */
export async function ensureContainer(context: AccountContext, name: string, changes: HeaderChanges = {}): Promise<{ container: Container; created: boolean }> {
  const { tx, projectId, now } = context;
  await ensureAccount(context);
  const headers = Object.fromEntries(Object.entries(changes).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));
  const created = await insertContainer(tx, { projectId, name, headers, now });
  const container = await getContainer(context, name);
  if (created) {
    await claimKeeping(context, { containers: 1 });
    await tellContainer(context, 'create', container, { objects: 0, bytes: 0 });
  } else if (Object.keys(changes).length > 0) await updateContainer(context, container, changes);
  return { container: created ? container : await getContainer(context, name), created };
}

export async function updateContainer({ tx, now }: AccountContext, container: Pick<Container, 'id' | 'facts'>, changes: HeaderChanges): Promise<void> {
  demandAllowed(container, changes);
  await mergeContainerHeaders(tx, container.id, changes, now);
}

/** What doors keep with it; a fact that is null goes. */
export async function noteContainerFacts({ tx }: AccountContext, container: Pick<Container, 'id'>, facts: Readonly<Record<string, unknown>>): Promise<void> {
  await mergeContainerFacts(tx, container.id, facts);
}

export async function setVersioning({ tx, now }: AccountContext, container: Pick<Container, 'id' | 'facts'>, versioning: Versioning): Promise<void> {
  // Else an older version could go before its time.
  if (versioning !== 'enabled' && container.facts['objectLock'] !== undefined) throw conflict('An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.', 'InvalidBucketState');
  await updateVersioning(tx, container.id, versioning, now);
}

/** Refuses where anything is in it, older versions too. */
export async function deleteContainer(context: AccountContext, name: string): Promise<void> {
  const { tx, projectId, now } = context;
  const container = await lockContainer(tx, projectId, name);
  if (!container) throw noSuchContainer();
  await deleteExpiredRows(tx, container.id, now);
  if (await hasObjects(tx, container.id)) throw conflict('There was a conflict when trying to complete your request.', 'ContainerNotEmpty');
  await deleteUploadsOf(tx, container.id);
  await deleteContainerRow(tx, container.id);
  await tellContainer(context, 'delete', container, { objects: 0, bytes: 0 });
}

export function listContainers({ tx, projectId }: AccountContext, range: NameRange): Promise<ListedContainer[]> {
  return listContainerRows(tx, projectId, range);
}

function tellContainer({ tx, now, projectId, requestId }: AccountContext, verb: 'create' | 'delete', { id, name }: Pick<Container, 'id' | 'name'>, usage: ContainerUsage): Promise<void> {
  return emit(tx, { now: () => now }, { type: `container.${verb}.end`, resource: 'container', resourceId: `${projectId}/${id}`, projectId, requestId, payload: { name, status: 'in-use', ...usage } });
}
