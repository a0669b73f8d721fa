/** Values that a schema takes, made from the schema: the smallest, or one with all that it knows. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
// Registers the formats that contracts use.
import '../kit/http/schema.ts';

export type Node = { readonly [key: string]: unknown };

export type Wish = {
  /** A value for the field of this name, where any of its type will not do: the id of something real. */
  field?: (name: string) => unknown;
  /** Optional fields too. */
  whole?: boolean;
  /** Makes names that are to be unique so. */
  unique: () => string;
};

/** No value is known that this schema takes: the table of candidates below is too short. */
export class Unbuildable extends Error {
  override name = 'Unbuildable';
}

export function sample(schema: TSchema, wish: Wish): unknown {
  const value = build(schema as Node, wish, 'body');
  if (!Compile(schema).Check(value)) throw new Unbuildable(`The sample ${JSON.stringify(value)} is not what ${JSON.stringify(schema).slice(0, 400)} takes`);
  return value;
}

function build(schema: Node, wish: Wish, name: string): unknown {
  const known = wish.field?.(name);
  if (known !== undefined && takes(schema, known)) return known;
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  const alternatives = [schema['anyOf'], schema['oneOf']].flatMap((each) => (Array.isArray(each) ? (each as Node[]) : []));
  if (alternatives.length > 0) return buildAny(alternatives, wish, name);
  switch (schema['type']) {
    case 'object':
      return buildObject(schema, wish, name);
    case 'array':
      return Array.from({ length: Math.max(numberOf(schema['minItems'], 0), wish.whole === true ? Math.min(1, numberOf(schema['maxItems'], 1)) : 0) }, () => build(nodeOf(schema['items']), wish, name));
    case 'string':
      return text(schema, wish, name);
    case 'integer':
    case 'number':
      return Math.max(1, numberOf(schema['minimum'], 1), numberOf(schema['exclusiveMinimum'], 0) + 1);
    case 'boolean':
      return false;
    case 'null':
      return null;
    case undefined:
      return null;
    default:
      throw new Unbuildable(`Nobody knows how to make a ${JSON.stringify(schema['type'])} for ${name}`);
  }
}

function buildAny(alternatives: Node[], wish: Wish, name: string): unknown {
  const failures: unknown[] = [];
  for (const each of alternatives)
    try {
      return build(each, wish, name);
    } catch (error) {
      failures.push(error);
    }
  throw new Unbuildable(`No alternative of ${name} can be made: ${failures.map(String).join('; ')}`);
}

function buildObject(schema: Node, wish: Wish, name: string): Record<string, unknown> {
  const properties = Object.entries(nodeOf(schema['properties'])) as [string, Node][];
  const required = new Set(Array.isArray(schema['required']) ? (schema['required'] as string[]) : []);
  const made: Record<string, unknown> = {};
  const most = numberOf(schema['maxProperties'], Infinity);
  for (const [key, property] of properties) if (required.has(key)) made[key] = build(property, wish, key);
  for (const [key, property] of properties) {
    const enough = wish.whole !== true && Object.keys(made).length >= numberOf(schema['minProperties'], 0);
    // What nothing is allowed for cannot be given.
    const isOpen = JSON.stringify(property['not']) !== '{}';
    if (!(key in made) && !enough && isOpen && Object.keys(made).length < most) made[key] = build(property, wish, key);
  }
  for (const [pattern, value] of Object.entries(nodeOf(schema['patternProperties'])) as [string, Node][])
    if (Object.keys(made).length < Math.max(numberOf(schema['minProperties'], 0), wish.whole === true ? 1 : 0) && Object.keys(made).length < most) made[text({ type: 'string', pattern }, wish, `a key of ${name}`)] = build(value, wish, name);
  return made;
}

/** Values that somebody's pattern or format takes. */
const candidates = [
  '10.0.0.77',
  'aa',
  'A',
  '1',
  '2026-01-01T00:00:00Z',
  'http://cloud.example/',
  'http://cloud.example',
  '0123456789abcdef0123456789abcdef0123456789a',
  '6f1e2d3c-4b5a-4678-9abc-def012345678',
  '0123456789abcdef0123456789abcdef',
  'hard',
  '/dev/vdz',
  '/24',
  'VCPU:1',
  'VCPU',
  'EUR',
  'aGVsbG8=',
  '-1',
  'volume',
  'CUSTOM_GOLD',
  '20260101',
];

function text(schema: Node, wish: Wish, name: string): string {
  const fresh = /name$/i.test(name) ? [wish.unique()] : [];
  // A pattern that is one text.
  const literal = /^\^([\w:. -]+)\$$/.exec(String(schema['pattern'] ?? ''))?.slice(1) ?? [];
  const found = [...fresh, ...literal, ...candidates].find((candidate) => takes(schema, candidate));
  if (found === undefined) throw new Unbuildable(`No text is known that ${name} takes: ${JSON.stringify(schema)}`);
  return found;
}

function takes(schema: Node, value: unknown): boolean {
  return Compile(schema as TSchema).Check(value);
}

export function nodeOf(value: unknown): Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Node) : {};
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
