/** Fields that several of placement's nouns have. placement/schemas/, 2025.2 */
import { Type, type TProperties } from 'typebox';
import { closedSince, since } from '../contract.ts';

export function exactly<P extends TProperties>(fields: P) {
  return Type.Object(fields, { additionalProperties: false });
}

/** A query that takes nothing else. */
export function only<P extends TProperties>(fields: P) {
  return closedSince('1.0', exactly(fields));
}

export const admin = (rule: string) => ({ rule: `placement:${rule}`, who: 'admin' }) as const;

export const links = Type.Array(exactly({ rel: Type.String(), href: Type.String() }));
export const uuid = Type.String({ format: 'uuid-or-hex' });
export const integer = Type.Integer({ minimum: -2147483648, maximum: 2147483647 });
export const ownId = Type.String({ minLength: 1, maxLength: 255 });

export const className = '^[A-Z0-9_]+$';
export const customName = Type.String({ pattern: '^CUSTOM_[A-Z0-9_]+$', minLength: 1, maxLength: 255 });
export const uuidKey = '^[0-9a-fA-F-]{36}$';

const most = 2147483647;
const unit = Type.Optional(Type.Integer({ minimum: 1, maximum: most }));

export const newInventory = {
  total: Type.Integer({ minimum: 1, maximum: most }),
  reserved: Type.Optional(Type.Integer({ minimum: 0, maximum: most })),
  min_unit: unit,
  max_unit: unit,
  step_size: unit,
  allocation_ratio: Type.Optional(Type.Number({ maximum: 3.40282e38 })),
};

export const shownInventory = { total: Type.Integer(), reserved: Type.Integer(), min_unit: Type.Integer(), max_unit: Type.Integer(), step_size: Type.Integer(), allocation_ratio: Type.Number() };

/** Several inventories at once, for one provider. */
export const inventoriesOf = exactly({ resource_provider_generation: integer, inventories: Type.Record(Type.String({ pattern: className }), exactly({ ...newInventory, resource_provider_generation: Type.Optional(integer) }), { additionalProperties: false }) });

export const amounts = Type.Record(Type.String(), Type.Integer());

/** What is wanted: `VCPU:2,MEMORY_MB:1024` */
export const resourcesText = Type.String();

/** Traits, with the later ways of saying not, and one of these. */
export const requiredTraits = Type.Array(Type.Union([Type.String({ pattern: '^(?!in:)[^!]*$' }), since('1.22', Type.String({ pattern: '^(?!in:)' })), since('1.39', Type.String())]));

/** Groups, with the later way of saying not. */
export const memberOf = Type.Array(Type.Union([Type.String({ pattern: '^(?!!)' }), since('1.32', Type.String())]));
