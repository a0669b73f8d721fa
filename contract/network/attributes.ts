/** What many network resources have in common: neutron-lib's attributes and standard attributes. */
import { Type, type TSchema } from 'typebox';

export const text = (maxLength: number) => Type.String({ maxLength });
export const name = text(255);
export const description = text(255);
export const id = Type.String({ format: 'uuid-or-hex', maxLength: 36 });
export const address = text(64);
/** A number; Neutron takes it as text too, and the stock client sends some so. */
export const wholeNumber = Type.Union([Type.Integer(), Type.String({ pattern: '^-?\\d{1,9}$' })]);
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

/** Both names for whose it is; only administrators may say another project than their own. */
export const owner = { project_id: Type.Optional(text(255)), tenant_id: Type.Optional(text(255)) };

export const strict = { additionalProperties: false } as const;

/** A body with one wish under its name, or several under the plural. */
export const wishRules = { additionalProperties: false, minProperties: 1, maxProperties: 1 } as const;

/** What every reply has. */
export const shownOwner = { id: Type.String(), project_id: Type.String(), tenant_id: Type.String() };
export const shownStandard = {
  description: Type.String(),
  revision_number: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
};
export const shownTags = { tags: Type.Array(Type.String()) };

export const links = Type.Array(Type.Object({ rel: Type.Enum(['next', 'previous']), href: Type.String() }));

const paging = {
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(text(255)),
  page_reverse: Type.Optional(Type.Boolean()),
  sort_key: Type.Optional(Type.Array(text(64), { maxItems: 16 })),
  sort_dir: Type.Optional(Type.Array(Type.Enum(['asc', 'desc']), { maxItems: 16 })),
  fields: Type.Optional(Type.Array(text(64), { maxItems: 64 })),
};

const filter = Type.Optional(Type.Array(text(255), { maxItems: 500 }));

/** A list's query: pages, order, fields, and filters by these names; one name given several times means any of its values. */
export function listQuery<const F extends string>(filters: readonly F[]) {
  return Type.Object({ ...paging, ...(Object.fromEntries(filters.map((each) => [each, filter])) as Record<F, typeof filter>) });
}

export const showQuery = Type.Object({ fields: paging.fields });

export const standardFilters = ['id', 'name', 'project_id', 'tenant_id', 'description', 'revision_number'] as const;
export const tagFilters = ['tags', 'tags-any', 'not-tags', 'not-tags-any'] as const;
