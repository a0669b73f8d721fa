/** What the nouns of identity have in common; field by field after keystone's own schemas. */
import { Type, type TSchema } from 'typebox';

export const Name = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
export const Id = Type.String({ minLength: 1, maxLength: 64 });
export const Description = Type.Union([Type.String({ maxLength: 65_535 }), Type.Null()]);
export const Password = Type.String({ minLength: 1, maxLength: 4096 });
/** ISO 8601, with a fraction of a second or without. */
export const Time = Type.String({ maxLength: 40, pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,6})?Z?$' });

/** `immutable` keeps a project, domain or role from being changed or deleted by mistake. */
export const Options = Type.Object({ immutable: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])) }, { additionalProperties: false });

export const SelfLink = Type.Object({ self: Type.String() });
export const PageLinks = Type.Object({
  self: Type.String(),
  previous: Type.Union([Type.String(), Type.Null()]),
  next: Type.Union([Type.String(), Type.Null()]),
});

export const NamedDomain = Type.Object({ id: Type.String(), name: Type.String() });
export const RoleReference = Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.Optional(Type.Union([Type.String(), Type.Null()])) });

/** What a program with an application credential may ask for: keystone/application_credential/schema.py. */
export const AccessRule = Type.Object({ id: Type.String(), service: Type.String(), method: Type.String(), path: Type.String() });

/** A list as keystone writes it; `truncated` when there was more than one reply may hold. */
export function listOf<const K extends string, S extends TSchema>(key: K, entity: S) {
  const items = { [key]: Type.Array(entity) } as Record<K, ReturnType<typeof Type.Array<S>>>;
  return Type.Object({ ...items, links: PageLinks, truncated: Type.Optional(Type.Boolean()) });
}

/** Query parameters of every list; filters on the name such as `name__contains` are read besides. */
export const pageQuery = {
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  marker: Type.Optional(Type.String({ maxLength: 255 })),
};

export const nameFilters = {
  name: Type.Optional(Type.String()),
  name__contains: Type.Optional(Type.String()),
  name__icontains: Type.Optional(Type.String()),
  name__startswith: Type.Optional(Type.String()),
  name__istartswith: Type.Optional(Type.String()),
  name__endswith: Type.Optional(Type.String()),
  name__iendswith: Type.Optional(Type.String()),
};
