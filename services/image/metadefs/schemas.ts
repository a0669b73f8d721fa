/** The JSON schemas of metadata definitions, as clients read them: glance/api/v2/metadef_*.py, get_schema. */

const text = { type: 'string' };
const readOnly = { type: 'string', readOnly: true };
const moment = { type: 'string', format: 'date-time', readOnly: true };
const name = { type: 'string', maxLength: 80 };
const types = ['array', 'boolean', 'integer', 'number', 'object', 'string', null];
const to = (definition: string) => ({ $ref: `#/definitions/${definition}` });

const property = {
  name,
  title: text,
  description: text,
  operators: { type: 'array', items: text },
  type: { type: 'string', enum: types },
  required: to('stringArray'),
  minimum: { type: 'number' },
  maximum: { type: 'number' },
  maxLength: to('positiveInteger'),
  minLength: to('positiveIntegerDefault0'),
  pattern: { type: 'string', format: 'regex' },
  enum: { type: 'array' },
  readonly: { type: 'boolean' },
  default: {},
  items: { type: 'object', properties: { type: { type: 'string', enum: types }, enum: { type: 'array' } } },
  maxItems: to('positiveInteger'),
  minItems: to('positiveIntegerDefault0'),
  uniqueItems: { type: 'boolean', default: false },
  additionalItems: { type: 'boolean' },
};

const counts = {
  positiveInteger: { type: 'integer', minimum: 0 },
  positiveIntegerDefault0: { allOf: [to('positiveInteger'), { default: 0 }] },
};
const definitions = {
  ...counts,
  stringArray: { type: 'array', items: text, uniqueItems: true },
  property: { type: 'object', additionalProperties: { type: 'object', required: ['title', 'type'], properties: property } },
};

const object = {
  name: 'object',
  required: ['name'],
  properties: { name, description: text, required: to('stringArray'), properties: to('property'), schema: readOnly, self: readOnly, created_at: moment, updated_at: moment },
  additionalProperties: false,
  definitions,
};

const resourceType = {
  name: 'resource_type_association',
  required: ['name'],
  properties: { name, prefix: name, properties_target: name, created_at: moment, updated_at: moment },
  additionalProperties: false,
};

const tag = { name: 'tag', required: ['name'], properties: { name, created_at: moment, updated_at: moment }, additionalProperties: false };

const namespace = {
  name: 'namespace',
  required: ['namespace'],
  properties: {
    namespace: name,
    display_name: name,
    description: { type: 'string', maxLength: 500 },
    visibility: { type: 'string', enum: ['public', 'private'] },
    protected: { type: 'boolean' },
    owner: { type: 'string', maxLength: 255 },
    created_at: moment,
    updated_at: moment,
    schema: readOnly,
    self: readOnly,
    resource_type_associations: { type: 'array', items: { type: 'object', properties: { name: text, prefix: text, properties_target: text } } },
    properties: to('property'),
    objects: { type: 'array', items: { type: 'object', properties: { name: text, description: text, required: to('stringArray'), properties: to('property') } } },
    tags: { type: 'array', items: { type: 'object', properties: { name: text } } },
  },
  additionalProperties: false,
  definitions,
};

const single = {
  name: 'property',
  required: ['type', 'title', 'name'],
  properties: property,
  additionalProperties: false,
  definitions: { ...counts, stringArray: { ...definitions.stringArray, minItems: 1 } },
};

const links = [
  { rel: 'first', href: '{first}' },
  { rel: 'next', href: '{next}' },
  { rel: 'describedby', href: '{schema}' },
];

/** Definitions are found from the root of a document. glance/schema.py, CollectionSchema */
function collection(named: string, { definitions: shared, ...items }: { name: string; properties: object; definitions?: object }) {
  return { name: named, properties: { [named]: { type: 'array', items }, first: text, next: text, schema: text }, links, ...(shared === undefined ? {} : { definitions: shared }) };
}

export const metadefSchemas = {
  namespace,
  namespaces: collection('namespaces', namespace),
  object,
  objects: collection('objects', object),
  property: single,
  properties: { name: 'properties', properties: { properties: { type: 'object', additionalProperties: { name: 'property', required: ['type', 'title'], properties: property, additionalProperties: false } }, first: text, next: text, schema: text }, links, definitions: single.definitions },
  resource_type: resourceType,
  resource_types: collection('resource_type_associations', resourceType),
  tag,
  tags: collection('tags', tag),
};
