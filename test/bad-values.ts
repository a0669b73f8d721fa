/** What people and programs send by mistake or on purpose, made from what would have been right. */
import type { TSchema } from 'typebox';
import { checker } from '../kit/http/schema.ts';
import { nodeOf, type Node } from './samples.ts';

export type Wrong = {
  /** `/server/name is a NUL`. */
  title: string;
  /** The body as it is sent. */
  text: string;
  /** The contract does not take it: it must be refused, and have changed nothing. Otherwise it only must not break anything. */
  refused: boolean;
};

/** Chance that can be repeated: the same seed, the same choices. */
export type Dice = (below: number) => number;

export function dice(seed: number): Dice {
  let state = seed >>> 0;
  return (below) => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const long = 'x'.repeat(70_000);
const deep = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;

/** Values in place of a field's, as JSON. */
const values: { title: string; json: string; never?: boolean }[] = [
  { title: 'null', json: 'null' },
  { title: 'true', json: 'true' },
  { title: 'a number', json: '17' },
  { title: 'a fraction', json: '1.5' },
  { title: 'a negative number', json: '-1' },
  { title: 'a huge number', json: '9007199254740993' },
  { title: 'a number beyond all', json: '1e400' },
  { title: 'a number beyond 32 bits', json: '4294967296' },
  { title: 'an empty text', json: '""' },
  { title: 'a text', json: '"word"' },
  { title: 'a long text', json: JSON.stringify(long) },
  { title: 'text with a NUL', json: '"a\\u0000b"', never: true },
  { title: 'half a surrogate pair', json: '"a\\ud800b"', never: true },
  { title: 'the other half', json: '"\\udc00"', never: true },
  { title: 'text beyond the first plane', json: '"🙂‮"' },
  { title: 'SQL', json: `"'; drop table compute.server; --"` },
  { title: 'an id that nobody has', json: '"00000000-0000-4000-8000-000000000000"' },
  { title: 'a list', json: '[]' },
  { title: 'a list of lists', json: '[[["a"]]]' },
  { title: 'an object', json: '{}' },
  { title: 'an object with __proto__', json: '{"__proto__":{"isAdmin":true}}' },
  { title: 'an object of a thousand levels', json: deep(1000) },
];

/** Instead of the whole body. */
const wholes: { title: string; text: string; never?: boolean }[] = [
  { title: 'not JSON', text: '{"name": ', never: true },
  { title: 'XML', text: '<server/>', never: true },
  { title: 'a list', text: '[]' },
  { title: 'a text', text: '"body"' },
  { title: 'a number', text: '1' },
  { title: 'null', text: 'null' },
  { title: 'an empty object', text: '{}' },
  { title: 'an object of 5000 levels', text: deep(5000) },
  { title: 'a list of 400000 levels', text: `${'['.repeat(400_000)}${']'.repeat(400_000)}` },
  { title: 'two megabytes of one text', text: JSON.stringify({ name: 'x'.repeat(2 * 1024 * 1024) }) },
  { title: 'JSON twice', text: '{}{}', never: true },
];

/**
 * Wrong bodies for one operation, at most `most`: `whole` is a body with every field that the schema knows.
 */
export function wrongBodies(schema: TSchema, whole: unknown, roll: Dice, most: number): Wrong[] {
  const check = checker(schema);
  const made: Wrong[] = [];
  const add = (title: string, text: string, never = false) => made.push({ title, text, refused: never || isRefused(check, text) });
  for (const { title, text, never } of wholes) add(title, text, never);
  const fields = [...fieldsOf(schema as Node, whole, [])];
  for (const { path, node } of fields) {
    const place = `/${path.join('/')}`;
    for (const { title, json, never } of values) if (path.length > 0) add(`${place} is ${title}`, replaced(whole, path, json), never);
    if (node['properties'] !== undefined) add(`${place} has a field that nobody knows`, replaced(whole, [...path, 'surprise'], '"surprise"'));
    for (const name of Array.isArray(node['required']) ? (node['required'] as string[]) : []) add(`${place} lacks ${name}`, replaced(whole, [...path, name], undefined));
  }
  return chosen(made, roll, most);
}

function isRefused(check: ReturnType<typeof checker>, text: string): boolean {
  try {
    return check(JSON.parse(text)) !== undefined;
  } catch {
    // What cannot be read must be refused.
    return true;
  }
}

function* fieldsOf(schema: Node, value: unknown, path: string[]): Generator<{ path: string[]; node: Node }> {
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as Node[]) : []));
  const node = alternatives.find((each) => each['properties'] !== undefined && typeof value === 'object' && value !== null && !Array.isArray(value)) ?? schema;
  yield { path, node };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* fieldsOf(nodeOf(node['items']), item, [...path, String(index)]);
  } else if (typeof value === 'object' && value !== null) {
    const properties = nodeOf(node['properties']);
    for (const [name, field] of Object.entries(value)) yield* fieldsOf(nodeOf(properties[name]), field, [...path, name]);
  }
}

const hole = '"<here goes the wrong value>"';

/** The body as text with this JSON at the path, or without what is there. */
function replaced(whole: unknown, path: string[], json: string | undefined): string {
  const copy = structuredClone(whole);
  const last = path.at(-1) ?? '';
  const parent = path.slice(0, -1).reduce<unknown>((here, key) => (here as Record<string, unknown>)[key], copy) as Record<string, unknown>;
  if (json === undefined) delete parent[last];
  else parent[last] = JSON.parse(hole);
  return JSON.stringify(copy).replace(hole, () => json ?? '');
}

/** All of them if there are few, else a choice. */
function chosen<T>(all: T[], roll: Dice, most: number): T[] {
  const left = [...all];
  while (left.length > most) left.splice(roll(left.length), 1);
  return left;
}

/** Values for parameters of a query, already encoded. */
export const weirdQueryValues = ['', '-1', '99999999999999999999', 'true', 'x'.repeat(5000), '%00', 'a%00b', '%ED%A0%80', '%F0%9F%99%82', "'%20or%201=1--", '00000000-0000-4000-8000-000000000000', '1;2', 'null', '%', '%zz', 'gt:', 'in:', '2026-13-45T99:00:00Z'];

/** Values for parameters of a path, already encoded; none of them names anything. */
export const weirdPathValues = ['00000000-0000-4000-8000-000000000000', 'no-such-thing', 'x'.repeat(300), 'a%00b', '%ED%A0%80', '%F0%9F%99%82', "'%20or%201=1--", '-1', '99999999999999999999', '%2e%2e%2f%2e%2e', '%'];
