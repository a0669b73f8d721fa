/** Fields that several of compute's nouns have. nova/api/validation/parameter_types.py, stable/2025.2 */
import { Type, type TProperties } from 'typebox';

/** An object with these fields and no others, as Nova's own schemas are. */
export function exactly<P extends TProperties>(fields: P) {
  return Type.Object(fields, { additionalProperties: false });
}

/** Printable characters without white space at either end. */
export const name = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?!\\s)[^\\x00-\\x1f\\x7f]*(?<!\\s)$' });

export const uuid = Type.String({ format: 'uuid-or-hex' });

/** Nova takes these words for true and false, as JSON or as text. */
export const boolean = Type.Unsafe<boolean | string>({
  enum: [true, 'True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', false, 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no'],
});

export const positiveInteger = Type.Union([Type.Integer({ minimum: 1, maximum: 2147483647 }), Type.String({ pattern: '^[0-9]{1,10}$' })]);
export const nonNegativeInteger = Type.Union([Type.Integer({ minimum: 0, maximum: 2147483647 }), Type.String({ pattern: '^[0-9]{1,10}$' })]);

export const metadata = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.String({ maxLength: 255 }), { additionalProperties: false });

export const diskConfig = Type.Union([Type.Literal('AUTO'), Type.Literal('MANUAL')]);

export const address = Type.String({ pattern: '^[0-9a-fA-F.:]{2,45}$' });
export const adminPass = Type.String({ maxLength: 255 });

export const link = exactly({ rel: Type.String(), href: Type.String() });
export const links = Type.Array(link);

/** `2026-05-01T10:00:00Z` */
export const time = Type.String();
/** `2026-05-01T10:00:00.000000` */
export const preciseTime = Type.Union([Type.String(), Type.Null()]);

export const nullableText = Type.Union([Type.String(), Type.Null()]);

/** Up to 60 characters; lists of them are written with commas. */
export const tag = Type.String({ minLength: 1, maxLength: 60, pattern: '^[^,/]*$' });

export const description = Type.Union([Type.String({ maxLength: 255, pattern: '^[^\\x00-\\x1f\\x7f]*$' }), Type.Null()]);

/** Of a guest: RFC 1123. */
export const hostname = Type.String({ minLength: 2, maxLength: 63, pattern: '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$' });

export const domainName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' });

export const certificates = Type.Union([Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 50, uniqueItems: true }), Type.Null()]);

/** Query parameters of every list that is cut into pages. */
export const paging = {
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
  marker: Type.Optional(Type.String()),
};

/** A host's name. RFC 952 knows no underscore, but systems do. */
export const hostName = Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-._]*$' });

/** Of a zone: a colon would part it from a host. */
export const zoneName = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?!\\s)[^\\x00-\\x1f\\x7f:]*(?<!\\s)$' });

/** Nova's words for true and false, in a query. */
export const booleanText = Type.Unsafe<string>({ type: 'string', enum: ['True', 'TRUE', 'true', '1', 'ON', 'On', 'on', 'YES', 'Yes', 'yes', 'False', 'FALSE', 'false', '0', 'OFF', 'Off', 'off', 'NO', 'No', 'no'] });

/** Like `metadata`; null takes an item away. */
export const metadataWithNull = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9-_:. ]{1,255}$' }), Type.Union([Type.String({ maxLength: 255 }), Type.Null()]), { additionalProperties: false });
