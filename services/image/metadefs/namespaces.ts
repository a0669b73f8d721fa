/** Namespaces of metadata: glance/api/v2/metadef_namespaces.py. */
import type { Static } from 'typebox';
import type { NewNamespace } from '../../../contract/image/metadefs/definitions.ts';
import { badRequest, conflict, Fault, notFound } from '../../../kit/fault.ts';
import type { Context } from '../../../kit/http/implement.ts';
import { insertAssociations, insertObjects, insertProperties, insertTags, listAssociations, listContents, type Association } from './contents.store.ts';
import { deleteNamespace as deleteRow, findNamespace, insertNamespace, listNamespaces as listRows, updateNamespace as updateRow, type Namespace, type NamespaceDraft, type NamespaceQuery } from './namespaces.store.ts';

export type { Namespace } from './namespaces.store.ts';
type Wish = Static<typeof NewNamespace>;

export async function getNamespace({ tx }: Pick<Context, 'tx'>, name: string): Promise<Namespace> {
  const found = await findNamespace(tx, name);
  if (!found) throw notFound(`Namespace ${name} not found`, 'HTTPNotFound');
  return found;
}

/** Before something in it, or itself, is deleted. glance/common/exception.py, ProtectedMetadef… */
export async function getUnprotected(context: Pick<Context, 'tx'>, name: string, what = 'namespace', of = name): Promise<Namespace> {
  const found = await getNamespace(context, name);
  if (found.protected) throw new Fault(403, 'HTTPForbidden', `Metadata definition ${what} ${of} is protected and cannot be deleted.`);
  return found;
}

export async function listNamespaces(context: Context, query: NamespaceQuery): Promise<{ namespace: Namespace; associations: Association[] }[]> {
  if (query.marker !== undefined) await getNamespace(context, query.marker);
  const found = await listRows(context.tx, query);
  const associations = Map.groupBy(await listAssociations(context.tx, found.map(({ name }) => name)), ({ namespace }) => namespace);
  return found.map((namespace) => ({ namespace, associations: associations.get(namespace.name) ?? [] }));
}

export async function createNamespace(context: Context, wish: Wish): Promise<Namespace> {
  const { tx, now } = context;
  if (!(await insertNamespace(tx, draftOf(context, wish), now))) throw taken(wish.namespace);
  const { resource_type_associations: associations = [], objects = [], tags = [], properties = {} } = wish;
  const counts = [
    [await insertAssociations(tx, wish.namespace, associations, now), associations.length],
    [await insertObjects(tx, wish.namespace, objects, now), objects.length],
    [await insertTags(tx, wish.namespace, tags.map(({ name }) => name), now), tags.length],
    [await insertProperties(tx, wish.namespace, Object.entries(properties).map(([name, { name: _name, ...definition }]) => ({ name, definition })), now), Object.keys(properties).length],
  ];
  if (counts.some(([made, wanted]) => made !== wanted)) throw conflict(`Something is named twice in the metadata definition namespace ${wish.namespace}.`);
  return getNamespace(context, wish.namespace);
}

export async function contentsOf({ tx }: Pick<Context, 'tx'>, name: string) {
  return {
    objects: await listContents(tx, 'object', name),
    associations: await listContents(tx, 'association', name),
    properties: await listContents(tx, 'property', name),
    tags: await listContents(tx, 'tag', name),
  };
}

export async function updateNamespace(context: Context, name: string, wish: Wish): Promise<Namespace> {
  await getNamespace(context, name);
  if (wish.namespace !== name && (await findNamespace(context.tx, wish.namespace))) throw taken(wish.namespace);
  await updateRow(context.tx, name, draftOf(context, wish), context.now);
  return getNamespace(context, wish.namespace);
}

export async function deleteNamespace(context: Context, name: string): Promise<void> {
  await getUnprotected(context, name);
  await deleteRow(context.tx, name);
}

function draftOf({ caller }: Context, { namespace, display_name: displayName, description, visibility, protected: isProtected, owner }: Wish): NamespaceDraft {
  const projectId = owner ?? caller.projectId;
  if (projectId === null) throw badRequest('An owner is needed: the token is for no project.');
  return { name: namespace, projectId, displayName: displayName ?? null, description: description ?? null, visibility: visibility ?? 'private', protected: isProtected ?? false };
}

function taken(name: string): Fault {
  return conflict(`The metadata definition namespace=${name} already exists.`);
}
