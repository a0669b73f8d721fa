/** Contract schemas at work: what a microversion leaves of them, checking, and reading a query string. */
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Set as setFormat } from 'typebox/format';
import { compareVersions } from '../../contract/contract.ts';

type Node = Record<string, unknown>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether what the schema describes is there at this microversion. */
export function existsAt(schema: unknown, version: string): boolean {
  if (!isNode(schema)) return true;
  const from = schema['x-since'];
  const to = schema['x-until'];
  return !(typeof from === 'string' && compareVersions(version, from) < 0) && !(typeof to === 'string' && compareVersions(version, to) > 0);
}

/** The schema without what does not exist at this microversion. */
export function schemaAt<T>(schema: T, version: string | undefined): T {
  if (version === undefined || !JSON.stringify(schema).includes('"x-')) return schema;
  return prune(schema, version) as T;
}

function prune(schema: unknown, version: string): unknown {
  if (Array.isArray(schema)) return schema.filter((part) => existsAt(part, version)).map((part) => prune(part, version));
  if (!isNode(schema)) return schema;
  const pruned: Node = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' && isNode(value)) {
      const kept = Object.entries(value).filter(([, property]) => existsAt(property, version));
      pruned[key] = Object.fromEntries(kept.map(([name, property]) => [name, prune(property, version)]));
      if (Array.isArray(schema['required'])) pruned['required'] = schema['required'].filter((name) => kept.some(([kept]) => kept === name));
    } else if (key !== 'required' || pruned['required'] === undefined) pruned[key] = prune(value, version);
  }
  return pruned;
}

/** Takes out of a reply what this microversion does not have; undefined when there is nothing to take out. */
export function reducer(schema: unknown, version: string): ((value: unknown) => void) | undefined {
  if (!isNode(schema)) return undefined;
  const drops: string[] = [];
  const deeper: [string, (value: unknown) => void][] = [];
  const whole: ((value: unknown) => void)[] = [];
  if (isNode(schema['properties']))
    for (const [name, property] of Object.entries(schema['properties'])) {
      if (!existsAt(property, version)) drops.push(name);
      else {
        const inner = reducer(property, version);
        if (inner) deeper.push([name, inner]);
      }
    }
  const item = reducer(schema['items'], version);
  if (item) whole.push((value) => Array.isArray(value) && value.forEach(item));
  // A record: all its values are alike.
  for (const values of isNode(schema['patternProperties']) ? Object.values(schema['patternProperties']) : []) {
    const inner = reducer(values, version);
    if (inner) whole.push((value) => isNode(value) && Object.values(value).forEach(inner));
  }
  for (const key of ['anyOf', 'allOf', 'oneOf'])
    if (Array.isArray(schema[key]))
      for (const part of schema[key]) {
        const inner = reducer(part, version);
        if (inner) whole.push(inner);
      }
  if (drops.length === 0 && deeper.length === 0 && whole.length === 0) return undefined;
  return (value) => {
    for (const each of whole) each(value);
    if (!isNode(value)) return;
    for (const name of drops) delete value[name];
    for (const [name, inner] of deeper) if (name in value) inner(value[name]);
  };
}

export type Issue = { field: string; value: unknown; reason: string };

export type Check = (value: unknown) => Issue | undefined;

/** Compiles on first use: hundreds of operations at 1 ms each would be felt at start. */
export function checker(schema: TSchema): Check {
  let compiled: ReturnType<typeof Compile> | undefined;
  return (value) => {
    compiled ??= Compile(schema);
    if (compiled.Check(value)) return undefined;
    // The deepest is the most telling: an `anyOf` reports each branch and then itself.
    const errors = compiled.Errors(value) as { instancePath: string; message: string; keyword: string; params: Node }[];
    const first = errors.find((error) => error.keyword === 'additionalProperties') ?? errors.find((error) => error.keyword === 'required') ?? errors[0];
    if (first === undefined) return { field: '', value, reason: 'is not valid' };
    const wrong = valueAt(value, first.instancePath);
    return { field: first.instancePath.slice(1), value: wrong, reason: reasonOf(first, wrong) };
  };
}

/** As python's jsonschema says it, which clients and their tests look for. */
function reasonOf(error: { keyword: string; message: string; params: Node }, value: unknown): string {
  const list = (key: string) => (Array.isArray(error.params[key]) ? (error.params[key] as unknown[]).map((name) => `'${String(name)}'`).join(', ') : '');
  switch (error.keyword) {
    case 'additionalProperties':
      return `Additional properties are not allowed (${list('additionalProperties')} was unexpected)`;
    case 'required':
      return `${list('requiredProperties')} is a required property`;
    case 'minimum':
      return `${String(value)} is less than the minimum of ${String(error.params['limit'])}`;
    case 'maximum':
      return `${String(value)} is greater than the maximum of ${String(error.params['limit'])}`;
    default:
      return error.message;
  }
}

function valueAt(value: unknown, path: string): unknown {
  let here = value;
  for (const part of path.split('/').slice(1)) here = isNode(here) || Array.isArray(here) ? (here as Node)[part.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined;
  return here;
}

/** Reads query parameters by the schema's types: a number stays text unless the contract says it is one. */
export function queryReader(schema: TSchema | undefined): (query: Record<string, string | string[]>) => { known: Node; other: Record<string, string | string[]> } {
  const properties = isNode(schema) && isNode(schema['properties']) ? schema['properties'] : {};
  return (query) => {
    const known: Node = {};
    const other: Record<string, string | string[]> = {};
    for (const [name, given] of Object.entries(query)) {
      const property = properties[name];
      if (isNode(property)) known[name] = read(given, property);
      else other[name] = given;
    }
    return { known, other };
  };
}

function read(given: string | string[], schema: Node): unknown {
  if (schema['type'] === 'array') return (Array.isArray(given) ? given : [given]).map((each) => read(each, isNode(schema['items']) ? schema['items'] : {}));
  // Given twice: the last one counts, as in the services' own WebOb.
  const text = Array.isArray(given) ? (given.at(-1) ?? '') : given;
  switch (schema['type']) {
    case 'integer':
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'boolean':
      return ['true', '1', 't', 'yes', 'on', 'y'].includes(text.toLowerCase()) || (['false', '0', 'f', 'no', 'off', 'n'].includes(text.toLowerCase()) ? false : text);
    default:
      return text;
  }
}

const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;
setFormat('uuid-or-hex', (value) => uuid.test(value));
