/** The doors of metadata definitions. */
import type { Static } from 'typebox';
import type { MetadefObject as ObjectSchema, NamedProperty, Properties } from '../../../contract/image/metadefs/definitions.ts';
import { metadefNamespaces as namespacesContract } from '../../../contract/image/metadefs/namespaces.ts';
import { metadefObjects as objectsContract } from '../../../contract/image/metadefs/objects.ts';
import { metadefProperties as propertiesContract } from '../../../contract/image/metadefs/properties.ts';
import { metadefResourceTypes as resourceTypesContract } from '../../../contract/image/metadefs/resource-types.ts';
import { metadefTags as tagsContract } from '../../../contract/image/metadefs/tags.ts';
import { badRequest } from '../../../kit/fault.ts';
import { Answer, implement } from '../../../kit/http/implement.ts';
import { seconds } from '../images.api.ts';
import { associate, changeObject, changeProperty, contentList, createObject, createProperty, createTag, createTags, dropContent, dropContents, getContent, getPropertyFor, renameTag } from './contents.ts';
import { contentSortKeys, listResourceTypes, type Association, type ContentSortKey, type MetadefObject, type Page, type Property, type Tag } from './contents.store.ts';
import { contentsOf, createNamespace, deleteNamespace, getNamespace, listNamespaces, updateNamespace, type Namespace } from './namespaces.ts';
import { namespaceSortKeys, type NamespaceQuery, type NamespaceSortKey } from './namespaces.store.ts';

export const metadefNamespaces = implement(namespacesContract, {
  async list(request) {
    const query = readQuery(request.query);
    const found = await listNamespaces(request, query);
    const asked = new URLSearchParams(Object.entries(request.query));
    asked.delete('marker');
    const first = asked.size === 0 ? '/v2/metadefs/namespaces' : `/v2/metadefs/namespaces?${asked}`;
    const body = {
      namespaces: found.map(({ namespace, associations }) => ({ ...shownNamespace(namespace), ...(associations.length === 0 ? {} : { resource_type_associations: associations.map(shownAssociation) }) })),
      first,
      schema: '/v2/schemas/metadefs/namespaces',
    };
    const last = found.at(-1);
    if (last === undefined || found.length < query.limit) return body;
    asked.set('marker', last.namespace.name);
    return new Answer({ ...body, next: `/v2/metadefs/namespaces?${asked}` }, { next: request.page({ marker: last.namespace.name }) });
  },

  async create(request) {
    const { resource_type_associations, properties, objects, tags } = request.body;
    const namespace = await createNamespace(request, request.body);
    const given = { resource_type_associations, properties, objects, tags };
    const body = { ...shownNamespace(namespace), ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
    return new Answer(body, { headers: { location: `/v2/metadefs/namespaces/${encodeURIComponent(namespace.name)}` } });
  },

  async show(request) {
    const { namespace: name } = request.params;
    const namespace = await getNamespace(request, name);
    const { objects, associations, properties, tags } = await contentsOf(request, name);
    const prefix = associations.find((each) => each.name === request.query.resource_type)?.prefix ?? '';
    const prefixed = <T>(named: Record<string, T>) => Object.fromEntries(Object.entries(named).map(([key, value]) => [`${prefix}${key}`, value]));
    return {
      ...shownNamespace(namespace),
      ...(objects.length === 0 ? {} : { objects: objects.map((object) => ({ ...shownObject(name, object), ...(object.properties === null ? {} : { properties: prefixed(object.properties) as Static<typeof Properties> }), ...(object.required === null ? {} : { required: object.required.map((each) => `${prefix}${each}`) }) })) }),
      ...(associations.length === 0 ? {} : { resource_type_associations: associations.map(shownAssociation) }),
      ...(properties.length === 0 ? {} : { properties: prefixed(byName(properties)) }),
      ...(tags.length === 0 ? {} : { tags: tags.map(({ name: tag }) => ({ name: tag })) }),
    };
  },

  update: async (request) => shownNamespace(await updateNamespace(request, request.params.namespace, request.body)),

  async delete(request) {
    await deleteNamespace(request, request.params.namespace);
    return undefined;
  },
});

export const metadefObjects = implement(objectsContract, {
  async list(request) {
    const { namespace } = request.params;
    const page = readPage(request.query);
    return { objects: (await contentList(request, 'object', namespace, page)).map((object) => shownObject(namespace, object)), schema: 'v2/schemas/metadefs/objects' };
  },
  create: async (request) => shownObject(request.params.namespace, await createObject(request, request.params.namespace, request.body)),
  show: async (request) => shownObject(request.params.namespace, await getContent(request, 'object', { namespace: request.params.namespace, name: request.params.object_name })),
  update: async (request) => shownObject(request.params.namespace, await changeObject(request, { namespace: request.params.namespace, name: request.params.object_name }, request.body)),
  async delete(request) {
    await dropContent(request, 'object', { namespace: request.params.namespace, name: request.params.object_name });
    return undefined;
  },
  async deleteAll(request) {
    await dropContents(request, 'object', request.params.namespace);
    return undefined;
  },
});

export const metadefProperties = implement(propertiesContract, {
  list: async (request) => ({ properties: byName(await contentList(request, 'property', request.params.namespace)) }),
  create: async (request) => shownProperty(await createProperty(request, request.params.namespace, propertyOf(request.body))),
  async show(request) {
    const { namespace, property_name: name } = request.params;
    return shownProperty(await getPropertyFor(request, { namespace, name }, request.query.resource_type));
  },
  update: async (request) => shownProperty(await changeProperty(request, { namespace: request.params.namespace, name: request.params.property_name }, propertyOf(request.body))),
  async delete(request) {
    await dropContent(request, 'property', { namespace: request.params.namespace, name: request.params.property_name });
    return undefined;
  },
  async deleteAll(request) {
    await dropContents(request, 'property', request.params.namespace);
    return undefined;
  },
});

export const metadefTags = implement(tagsContract, {
  list: async (request) => ({ tags: (await contentList(request, 'tag', request.params.namespace, readPage(request.query))).map(({ name }) => ({ name })) }),
  async createAll(request) {
    const append = /^(1|t|true|on|y|yes)$/i.test(String(request.headers['x-openstack-append'] ?? ''));
    await createTags(request, request.params.namespace, request.body.tags.map(({ name }) => name), { append });
    return request.body;
  },
  async create(request) {
    const { namespace, tag_name: name } = request.params;
    if (name.length > 80) throw badRequest(`Provided object does not match schema 'tag': name: '${name}' is too long`);
    return shownTag(await createTag(request, { namespace, name }));
  },
  show: async (request) => shownTag(await getContent(request, 'tag', { namespace: request.params.namespace, name: request.params.tag_name })),
  update: async (request) => shownTag(await renameTag(request, { namespace: request.params.namespace, name: request.params.tag_name }, request.body.name)),
  async delete(request) {
    await dropContent(request, 'tag', { namespace: request.params.namespace, name: request.params.tag_name });
    return undefined;
  },
  async deleteAll(request) {
    await dropContents(request, 'tag', request.params.namespace);
    return undefined;
  },
});

export const metadefResourceTypes = implement(resourceTypesContract, {
  list: async (request) => ({ resource_types: (await listResourceTypes(request.tx)).map(shownTag) }),
  associations: async (request) => ({ resource_type_associations: (await contentList(request, 'association', request.params.namespace)).map(shownAssociation) }),
  associate: async (request) => shownAssociation(await associate(request, request.params.namespace, request.body)),
  async dissociate(request) {
    await dropContent(request, 'association', { namespace: request.params.namespace, name: request.params.resource_type });
    return undefined;
  },
});

// Shapes

function shownNamespace({ name, projectId, displayName, description, visibility, protected: isProtected, createdAt, updatedAt }: Namespace) {
  return {
    namespace: name,
    ...(displayName === null ? {} : { display_name: displayName }),
    ...(description === null ? {} : { description }),
    visibility,
    protected: isProtected,
    owner: projectId,
    created_at: seconds(createdAt),
    updated_at: seconds(updatedAt),
    self: `/v2/metadefs/namespaces/${name}`,
    schema: '/v2/schemas/metadefs/namespace',
  };
}

function shownObject(namespace: string, { name, description, required, properties, createdAt, updatedAt }: MetadefObject): Static<typeof ObjectSchema> {
  return {
    name,
    ...(description === null ? {} : { description }),
    ...(required === null ? {} : { required }),
    ...(properties === null ? {} : { properties: properties as Static<typeof Properties> }),
    created_at: seconds(createdAt),
    updated_at: seconds(updatedAt),
    self: `/v2/metadefs/namespaces/${namespace}/objects/${name}`,
    schema: '/v2/schemas/metadefs/object',
  };
}

/** What was checked when it was written. */
function shownProperty({ name, definition }: Property): Static<typeof NamedProperty> {
  return { ...(definition as Omit<Static<typeof NamedProperty>, 'name'>), name };
}

function byName(properties: readonly Property[]): Static<typeof Properties> {
  return Object.fromEntries(properties.map(({ name, definition }) => [name, definition])) as Static<typeof Properties>;
}

function propertyOf({ name, ...definition }: Static<typeof NamedProperty>) {
  return { name, definition };
}

function shownTag({ name, createdAt, updatedAt }: Tag) {
  return { name, created_at: seconds(createdAt), updated_at: seconds(updatedAt) };
}

function shownAssociation({ name, prefix, propertiesTarget, createdAt, updatedAt }: Association) {
  return { name, ...(prefix === null ? {} : { prefix }), ...(propertiesTarget === null ? {} : { properties_target: propertiesTarget }), created_at: seconds(createdAt), updated_at: seconds(updatedAt) };
}

// Queries

type Listing = { limit?: string; marker?: string; sort_key?: string; sort_dir?: string; visibility?: string; resource_types?: string };

function readQuery(query: Listing): NamespaceQuery {
  const { sort_key: sortKey = 'created_at', visibility, resource_types: types } = query;
  if (!(namespaceSortKeys as string[]).includes(sortKey)) throw badRequest(`Sort key supplied is invalid: ${sortKey}`);
  if (visibility !== undefined && !['public', 'private'].includes(visibility)) throw badRequest(`Invalid visibility value: ${visibility}`);
  const limit = readLimit(query.limit);
  return { limit: limit === undefined ? 25 : Math.min(limit, 1000), marker: query.marker, sortKey: sortKey as NamespaceSortKey, direction: readDirection(query.sort_dir), visibility, resourceTypes: types?.split(',').filter(Boolean) };
}

function readPage(query: Listing): Page {
  const { sort_key: sortKey = 'created_at', visibility } = query;
  if (!(contentSortKeys as string[]).includes(sortKey)) throw badRequest(`Sort key supplied is invalid: ${sortKey}`);
  if (visibility !== undefined && !['public', 'private', 'shared'].includes(visibility)) throw badRequest(`Invalid visibility value: ${visibility}`);
  return { limit: readLimit(query.limit), marker: query.marker, sortKey: sortKey as ContentSortKey, direction: readDirection(query.sort_dir) };
}

function readLimit(limit: string | undefined): number | undefined {
  if (limit === undefined) return undefined;
  if (!/^-?\d{1,9}$/.test(limit)) throw badRequest('limit param must be an integer');
  if (Number(limit) < 0) throw badRequest('limit param must be positive');
  return Number(limit);
}

function readDirection(direction = 'desc'): 'asc' | 'desc' {
  if (direction !== 'asc' && direction !== 'desc') throw badRequest(`Invalid sort direction: ${direction}`);
  return direction;
}
