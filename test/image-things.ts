/** Real things of images and their imports: for generated requests (things.ts, bodies.ts, preparations.ts). */
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };

async function staged({ owner, unique }: Making): Promise<string> {
  const { id } = (await owner.image.images.create({ body: { name: unique(), disk_format: 'qcow2', container_format: 'bare' } })).body;
  await owner.image.imports.stage({ params: { image_id: id }, body: soundQcow2() as never });
  return id;
}

let count = 0;
const unique = () => `m${++count}`;

export const imageMakers = {
  'staged image': staged,
  'image in two stores': async (making: Making) => {
    const id = await staged(making);
    await making.owner.image.imports.import({ params: { image_id: id }, body: { method: { name: 'glance-direct' }, all_stores: true } });
    await making.cloud.settle();
    return id;
  },
  'metadef namespace': async ({ admin, unique }: Making) => {
    const associations = [{ name: 'OS::Glance::Image', prefix: 'hw_' }];
    return (await admin.image.metadefNamespaces.create({ body: { namespace: unique(), visibility: 'public', resource_type_associations: associations } })).body.namespace;
  },
  'metadef object': async ({ admin, get, unique }: Making) => (await admin.image.metadefObjects.create({ params: { namespace: await get('metadef namespace') }, body: { name: unique() } })).body.name,
  'metadef property': async ({ admin, get, unique }: Making) =>
    (await admin.image.metadefProperties.create({ params: { namespace: await get('metadef namespace') }, body: { name: unique(), title: 'One', type: 'string' } })).body.name,
  'metadef tag': async ({ admin, get, unique }: Making) => (await admin.image.metadefTags.create({ params: { namespace: await get('metadef namespace'), tag_name: unique() } })).body.name,
  'new metadef tag': async ({ unique }: Making) => unique(),
  'metadef resource type': async () => 'OS::Glance::Image',
  'image store': async () => 'archive',
  'image task': async ({ owner, get }: Making) => (await owner.image.tasks.ofImage({ params: { image_id: await get('image in two stores') } })).body.tasks[0]?.id ?? '',
};

export const imagePaths = {
  'image /stores/': 'image store',
  'image /stores/{store_id}/': 'image in two stores',
  'image /tasks/': 'image task',
  'image /cache/': 'image',
  'image /metadefs/namespaces/': 'metadef namespace',
  'image /metadefs/namespaces/{namespace}/objects/': 'metadef object',
  'image /metadefs/namespaces/{namespace}/properties/': 'metadef property',
  'image /metadefs/namespaces/{namespace}/tags/': 'metadef tag',
  'image /metadefs/namespaces/{namespace}/resource_types/': 'metadef resource type',
} as const;

export const imageSpecials = {
  'image.imageData.upload': { image_id: 'queued image' },
  'image.imports.stage': { image_id: 'queued image' },
  'image.locations.add': { image_id: 'queued image' },
  'image.imports.import': { image_id: 'staged image' },
  'image.metadefTags.create': { tag_name: 'new metadef tag' },
} as const;

export const imageBodies = {
  'image.imports.stage': async () => soundQcow2(),
  'image.imports.import': async () => ({ method: { name: 'glance-direct' } }),
  'image.metadefNamespaces.create': async () => ({ namespace: unique() }),
  'image.metadefNamespaces.update': async () => ({ namespace: unique(), visibility: 'public' }),
  'image.metadefObjects.create': async () => ({ name: unique() }),
  'image.metadefObjects.update': async () => ({ name: unique() }),
  'image.metadefProperties.create': async () => ({ name: unique(), title: 'One', type: 'string' }),
  'image.metadefProperties.update': async () => ({ name: unique(), title: 'One', type: 'string' }),
  'image.metadefTags.createAll': async () => ({ tags: [{ name: unique() }] }),
  'image.metadefTags.update': async () => ({ name: unique() }),
  'image.metadefResourceTypes.associate': async () => ({ name: unique() }),
  'image.locations.add': async () => ({ url: 'http://192.0.2.1/image' }),
  'image.tasks.create': async () => ({ type: 'import', input: { import_from: 'http://192.0.2.1/image', import_from_format: 'qcow2', image_properties: {} } }),
};

/** Users of other roles than a service's learn that it is not for them. */
export const imagePreparations = { 'image.locations.add': { by: 'admin' } } as const;

/** Names that are no secret of anybody. */
export const imageThingsOfAll = ['image store', 'metadef namespace', 'metadef object', 'metadef property', 'metadef tag', 'new metadef tag', 'metadef resource type'] as const;
