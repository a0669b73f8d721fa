/** For what a page's form may be used, as its maker has signed it: sigv4-HTTPPOSTConstructPolicy of the object store's reference. */
import { refused } from './refusals.ts';

type Condition = { kind: 'eq' | 'starts-with'; field: string; value: string } | { kind: 'content-length-range'; least: number; most: number };
export type FormPolicy = { expiration: Date; conditions: readonly Condition[] };

/** In bytes. */
export type Bounds = { least?: number; most?: number };

/** What is no wish, and what makes up the signature itself. */
const uncovered = ['file', 'policy', 'x-amz-signature', 'signature', 'awsaccesskeyid'];

/** From base64. */
export function readFormPolicy(text: string): FormPolicy {
  const { expiration, conditions } = objectOf(parsed(Buffer.from(text, 'base64').toString('utf8')));
  const until = typeof expiration === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(expiration) ? new Date(expiration) : undefined;
  if (!until || Number.isNaN(until.getTime())) throw invalid(expiration === undefined ? 'Policy missing expiration.' : "Invalid 'expiration' value.");
  if (!Array.isArray(conditions)) throw invalid('Policy missing conditions.');
  return { expiration: until, conditions: conditions.flatMap(conditionsOf) };
}

/** Refuses a form that is not as its policy says; resolves to what is known only when the file has come. */
export function demandWithin({ expiration, conditions }: FormPolicy, fields: ReadonlyMap<string, string>, now: Date): Bounds {
  if (expiration.getTime() <= now.getTime()) throw denied('Policy expired.');
  const bounds: Bounds = {};
  const covered = new Set(['bucket']);
  for (const condition of conditions) {
    if (condition.kind === 'content-length-range') {
      bounds.least = Math.max(condition.least, bounds.least ?? 0);
      bounds.most = Math.min(condition.most, bounds.most ?? Number.MAX_SAFE_INTEGER);
      continue;
    }
    const { kind, field, value } = condition;
    covered.add(field);
    const given = fields.get(field) ?? '';
    if (kind === 'eq' ? given !== value : !given.startsWith(value)) throw denied(`Policy Condition failed: ${JSON.stringify([kind, `$${field}`, value])}`);
  }
  for (const field of fields.keys()) if (!covered.has(field) && !uncovered.includes(field) && !field.startsWith('x-ignore-')) throw denied(`Extra input fields: ${field.slice(0, 60)}`);
  if (!conditions.some((each) => each.kind !== 'content-length-range' && each.field === 'bucket')) throw denied('Policy missing condition: bucket');
  return bounds;
}

/** `{"acl": "private"}` is as much as `["eq", "$acl", "private"]`. */
function conditionsOf(given: unknown): Condition[] {
  if (!Array.isArray(given)) {
    const pairs = Object.entries(objectOf(given));
    if (pairs.length === 0) throw invalid('Invalid Condition: an empty one.');
    return pairs.map(([name, value]) => ({ kind: 'eq', field: name.toLowerCase(), value: textOf(value) }));
  }
  const [name, first, second, ...more] = given as unknown[];
  const kind = typeof name === 'string' ? name.toLowerCase() : '';
  if (given.length !== 3 || more.length > 0) throw invalid('Invalid Condition: wrong number of arguments.');
  if (kind === 'content-length-range') {
    const [least, most] = [sizeOf(first), sizeOf(second)];
    return [{ kind, least, most }];
  }
  if (kind !== 'eq' && kind !== 'starts-with') throw invalid(`Invalid Condition: unknown operation '${kind.slice(0, 60)}'.`);
  const field = textOf(first);
  if (!field.startsWith('$')) throw invalid('Invalid Condition: a field is named with a $ before it.');
  return [{ kind, field: field.slice(1).toLowerCase(), value: textOf(second) }];
}

function sizeOf(given: unknown): number {
  const size = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw invalid('Invalid Condition: content-length-range takes two numbers of bytes.');
  return size;
}

function textOf(given: unknown): string {
  if (typeof given !== 'string') throw invalid('Invalid Condition: its values must be texts.');
  return given;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw refused('InvalidPolicyDocument', 'Invalid Policy: Invalid JSON.', { cause });
  }
}

function objectOf(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('Invalid JSON: it must be an object.');
  return given as Record<string, unknown>;
}

const invalid = (why: string) => refused('InvalidPolicyDocument', `Invalid Policy: ${why}`);
const denied = (why: string) => refused('AccessDenied', `Invalid according to Policy: ${why}`);
