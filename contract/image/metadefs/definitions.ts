/** What the definitions of metadata share: glance/api/v2/metadef_namespaces.py, get_schema_definitions; api/v2/model/metadef_*.py. */
import { Type } from 'typebox';

export const closed = { additionalProperties: false };
export const Name = Type.String({ minLength: 1, maxLength: 80 });
const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'] as const;
const Count = Type.Integer({ minimum: 0, maximum: 2147483647 });
const Words = Type.Array(Type.String());
const UniqueWords = Type.Array(Type.String(), { uniqueItems: true });

const property = {
  title: Type.String(),
  type: Type.Enum([...types]),
  description: Type.Optional(Type.String()),
  operators: Type.Optional(Words),
  required: Type.Optional(UniqueWords),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
  minLength: Type.Optional(Count),
  maxLength: Type.Optional(Count),
  pattern: Type.Optional(Type.String()),
  enum: Type.Optional(Type.Array(Type.Unknown())),
  readonly: Type.Optional(Type.Boolean()),
  confidential: Type.Optional(Type.Boolean()),
  default: Type.Optional(Type.Unknown()),
  items: Type.Optional(Type.Object({ type: Type.Enum([...types]), enum: Type.Optional(Type.Array(Type.Unknown())) }, closed)),
  minItems: Type.Optional(Count),
  maxItems: Type.Optional(Count),
  uniqueItems: Type.Optional(Type.Boolean()),
  additionalItems: Type.Optional(Type.Boolean()),
};

/** A property under its name. */
export const PropertyType = Type.Object({ name: Type.Optional(Name), ...property }, closed);
/** One by itself. */
export const NamedProperty = Type.Object({ name: Name, ...property }, closed);
export const Properties = Type.Record(Type.String({ minLength: 1, maxLength: 80 }), PropertyType);

export const times = { created_at: Type.String(), updated_at: Type.String() };
const link = Type.String();

export const object = { name: Name, description: Type.Optional(Type.String()), required: Type.Optional(UniqueWords), properties: Type.Optional(Properties) };
export const NewObject = Type.Object(object, closed);
export const MetadefObject = Type.Object({ ...object, ...times, self: link, schema: link }, closed);

export const NewTag = Type.Object({ name: Name }, closed);
export const Tag = Type.Object({ name: Name, ...times }, closed);

const association = { name: Name, prefix: Type.Optional(Type.String({ maxLength: 80 })), properties_target: Type.Optional(Type.String({ maxLength: 80 })) };
export const NewAssociation = Type.Object(association, closed);
export const Association = Type.Object({ ...association, ...times }, closed);
export const ResourceType = Type.Object({ name: Name, ...times }, closed);

const namespace = {
  namespace: Name,
  display_name: Type.Optional(Type.String({ maxLength: 80 })),
  description: Type.Optional(Type.String({ maxLength: 500 })),
  visibility: Type.Optional(Type.Enum(['public', 'private'])),
  protected: Type.Optional(Type.Boolean()),
  owner: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
};
export const NewNamespace = Type.Object(
  {
    ...namespace,
    resource_type_associations: Type.Optional(Type.Array(NewAssociation)),
    properties: Type.Optional(Properties),
    objects: Type.Optional(Type.Array(NewObject)),
    tags: Type.Optional(Type.Array(NewTag)),
  },
  closed,
);
export const Namespace = Type.Object(
  {
    ...namespace,
    visibility: Type.Enum(['public', 'private']),
    protected: Type.Boolean(),
    owner: Type.String(),
    ...times,
    self: link,
    schema: link,
    resource_type_associations: Type.Optional(Type.Array(Type.Object({ ...association, created_at: Type.Optional(Type.String()), updated_at: Type.Optional(Type.String()) }, closed))),
    properties: Type.Optional(Properties),
    objects: Type.Optional(Type.Array(Type.Object({ ...object, created_at: Type.Optional(Type.String()), updated_at: Type.Optional(Type.String()), self: Type.Optional(link), schema: Type.Optional(link) }, closed))),
    tags: Type.Optional(Type.Array(Type.Object({ name: Name }, closed))),
  },
  closed,
);
