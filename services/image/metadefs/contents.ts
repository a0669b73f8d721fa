/** What is in a namespace of metadata: glance/api/v2/metadef_objects.py, metadef_properties.py, metadef_tags.py, metadef_resource_types.py. */
import { conflict, notFound } from '../../../kit/fault.ts';
import type { Context } from '../../../kit/http/implement.ts';
import {
  deleteContent,
  deleteContents,
  findContent,
  insertAssociations,
  insertObjects,
  insertProperties,
  insertTags,
  listContents,
  updateObject,
  updateProperty,
  updateTag,
  type Association,
  type Kind,
  type MetadefObject,
  type Page,
  type Property,
  type Tag,
} from './contents.store.ts';
import { getNamespace, getUnprotected } from './namespaces.ts';

/** As Glance names them. */
const words: Record<Kind, string> = { object: 'object', property: 'property', tag: 'tag', association: 'resource-type association' };

type Place = { namespace: string; name: string };

export async function contentList<K extends Kind>(context: Context, kind: K, namespace: string, page?: Page) {
  await getNamespace(context, namespace);
  if (page?.marker !== undefined) await getContent(context, kind, { namespace, name: page.marker });
  return listContents(context.tx, kind, namespace, page);
}

export async function getContent<K extends Kind>(context: Pick<Context, 'tx'>, kind: K, { namespace, name }: Place) {
  await getNamespace(context, namespace);
  const found = await findContent(context.tx, kind, namespace, name);
  if (!found) throw notFound(`The metadata definition ${words[kind]} with name=${name} was not found in namespace=${namespace}.`, 'HTTPNotFound');
  return found;
}

export async function dropContent(context: Context, kind: Kind, { namespace, name }: Place): Promise<void> {
  await getUnprotected(context, namespace, words[kind], name);
  await getContent(context, kind, { namespace, name });
  await deleteContent(context.tx, kind, namespace, name);
}

export async function dropContents(context: Context, kind: Kind, namespace: string): Promise<void> {
  await getUnprotected(context, namespace);
  await deleteContents(context.tx, kind, namespace);
}

export type NewObject = Parameters<typeof insertObjects>[2][number];

export async function createObject(context: Context, namespace: string, wish: NewObject): Promise<MetadefObject> {
  await getNamespace(context, namespace);
  if ((await insertObjects(context.tx, namespace, [wish], context.now)) === 0) throw taken('object', namespace, wish.name);
  return getContent(context, 'object', { namespace, name: wish.name });
}

export async function changeObject(context: Context, place: Place, wish: NewObject): Promise<MetadefObject> {
  await demandRenamable(context, 'object', place, wish.name);
  await updateObject(context.tx, place.namespace, place.name, wish, context.now);
  return getContent(context, 'object', { ...place, name: wish.name });
}

export type NewProperty = { name: string; definition: object };

export async function createProperty(context: Context, namespace: string, wish: NewProperty): Promise<Property> {
  await getNamespace(context, namespace);
  if ((await insertProperties(context.tx, namespace, [wish], context.now)) === 0) throw taken('property', namespace, wish.name);
  return getContent(context, 'property', { namespace, name: wish.name });
}

export async function changeProperty(context: Context, place: Place, wish: NewProperty): Promise<Property> {
  await demandRenamable(context, 'property', place, wish.name);
  await updateProperty(context.tx, place.namespace, place.name, wish, context.now);
  return getContent(context, 'property', { ...place, name: wish.name });
}

/** Under the name that it has for a type of resources, or its own. */
export async function getPropertyFor(context: Context, { namespace, name }: Place, resourceType: string | undefined): Promise<Property> {
  if (resourceType === undefined || resourceType === '') return getContent(context, 'property', { namespace, name });
  const { prefix } = await getContent(context, 'association', { namespace, name: resourceType });
  if (prefix === null || prefix === '' || !name.startsWith(prefix)) throw notFound(`Property ${name} does not start with the expected resource type association prefix of '${prefix}'.`, 'HTTPNotFound');
  return getContent(context, 'property', { namespace, name: name.slice(prefix.length) });
}

export async function createTag(context: Context, { namespace, name }: Place): Promise<Tag> {
  await getNamespace(context, namespace);
  if ((await insertTags(context.tx, namespace, [name], context.now)) === 0) throw taken('tag', namespace, name);
  return getContent(context, 'tag', { namespace, name });
}

/** In the place of those that there are, or besides them. */
export async function createTags(context: Context, namespace: string, names: readonly string[], { append }: { append: boolean }): Promise<void> {
  await getNamespace(context, namespace);
  if (!append) await deleteContents(context.tx, 'tag', namespace);
  if ((await insertTags(context.tx, namespace, names, context.now)) < names.length) throw taken('tag', namespace, names.join(', '));
}

export async function renameTag(context: Context, place: Place, name: string): Promise<Tag> {
  await demandRenamable(context, 'tag', place, name);
  await updateTag(context.tx, place.namespace, place.name, name, context.now);
  return getContent(context, 'tag', { ...place, name });
}

export async function associate(context: Context, namespace: string, wish: Parameters<typeof insertAssociations>[2][number]): Promise<Association> {
  await getNamespace(context, namespace);
  if ((await insertAssociations(context.tx, namespace, [wish], context.now)) === 0) throw taken('association', namespace, wish.name);
  return getContent(context, 'association', { namespace, name: wish.name });
}

async function demandRenamable(context: Context, kind: Kind, place: Place, name: string): Promise<void> {
  await getContent(context, kind, place);
  if (name !== place.name && (await findContent(context.tx, kind, place.namespace, name))) throw taken(kind, place.namespace, name);
}

function taken(kind: Kind, namespace: string, name: string) {
  return conflict(`A metadata definition ${words[kind]} with name=${name} already exists in namespace=${namespace}.`);
}
