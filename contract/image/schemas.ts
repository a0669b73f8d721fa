/** JSON schemas that clients read to know an image's fields: glance/api/v2/schemas.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const schema = <const N extends string>(name: N) =>
  ({
    method: 'GET',
    path: `/schemas/${name}` as const,
    summary: `The JSON schema of ${name}`,
    access: { rule: 'get_image', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ name: Type.String(), properties: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: true }),
  }) as const;

export const schemas = operations({
  image: schema('image'),
  images: schema('images'),
  member: schema('member'),
  members: schema('members'),
  task: schema('task'),
  tasks: schema('tasks'),
  metadefNamespace: schema('metadefs/namespace'),
  metadefNamespaces: schema('metadefs/namespaces'),
  metadefObject: schema('metadefs/object'),
  metadefObjects: schema('metadefs/objects'),
  metadefProperty: schema('metadefs/property'),
  metadefProperties: schema('metadefs/properties'),
  metadefResourceType: schema('metadefs/resource_type'),
  metadefResourceTypes: schema('metadefs/resource_types'),
  metadefTag: schema('metadefs/tag'),
  metadefTags: schema('metadefs/tags'),
});
