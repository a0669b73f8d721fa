/** The JSON schemas of Glance, made from the contract: glance/schema.py. */
import { Image } from '../../contract/image/image.ts';
import { Member } from '../../contract/image/members.ts';
import { Task, TaskStub } from '../../contract/image/tasks.ts';
import { schemas as contract } from '../../contract/image/schemas.ts';
import { implement } from '../../kit/http/implement.ts';
import { metadefSchemas } from './metadefs/schemas.ts';

const readOnly = new Set(['status', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value', 'created_at', 'updated_at', 'self', 'file', 'schema']);

const image = {
  name: 'image',
  properties: fieldsOf(Image.properties),
  additionalProperties: { type: 'string' },
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
};
/** What a record of whatever is, where null may stand in its place. */
const anything = { type: ['null', 'object'] };
const member = { name: 'member', properties: fieldsOf(Member.properties) };

const task = { name: 'task', properties: { ...fieldsOf(Task.properties), input: anything, result: anything } };
const taskStub = { name: 'task', properties: fieldsOf(TaskStub.properties) };

export const schemas = implement(contract, {
  image: () => Promise.resolve(image),
  images: () => Promise.resolve(collection('images', image)),
  member: () => Promise.resolve(member),
  members: () => Promise.resolve(collection('members', member)),
  task: () => Promise.resolve(task),
  tasks: () => Promise.resolve(collection('tasks', taskStub)),
  metadefNamespace: () => Promise.resolve(metadefSchemas.namespace),
  metadefNamespaces: () => Promise.resolve(metadefSchemas.namespaces),
  metadefObject: () => Promise.resolve(metadefSchemas.object),
  metadefObjects: () => Promise.resolve(metadefSchemas.objects),
  metadefProperty: () => Promise.resolve(metadefSchemas.property),
  metadefProperties: () => Promise.resolve(metadefSchemas.properties),
  metadefResourceType: () => Promise.resolve(metadefSchemas.resource_type),
  metadefResourceTypes: () => Promise.resolve(metadefSchemas.resource_types),
  metadefTag: () => Promise.resolve(metadefSchemas.tag),
  metadefTags: () => Promise.resolve(metadefSchemas.tags),
});

function collection(name: string, items: { properties: Record<string, unknown> }) {
  const text = { type: 'string' };
  return {
    name,
    properties: { [name]: { type: 'array', items }, first: text, next: text, schema: text },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  };
}

/** As draft 4 writes it, which is what clients know: a list of types and an enum instead of `anyOf`. */
function fieldsOf(properties: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, { ...plain(schema as Node), ...(readOnly.has(name) ? { readOnly: true } : {}) }]));
}

type Node = { anyOf?: Node[]; type?: string; enum?: unknown[]; [keyword: string]: unknown };

function plain(schema: Node): Record<string, unknown> {
  const branches = (schema.anyOf ?? [schema]).filter(({ type }) => type !== 'null');
  const [only = schema] = branches;
  const nullable = branches.length < (schema.anyOf?.length ?? 1);
  if (only.enum) return { type: nullable ? ['null', 'string'] : 'string', enum: nullable ? [null, ...only.enum] : only.enum };
  return nullable ? { ...only, type: ['null', only.type] } : only;
}
