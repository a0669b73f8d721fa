/** Sends a request to an operation and notes what the reply does not keep of the contract. */
import type { TSchema } from 'typebox';
import { addressOf } from '../contract/client.ts';
import { newestOf } from '../contract/contract.ts';
import { checker } from '../kit/http/schema.ts';
import type { Person, TestCloud } from './cloud.ts';
import type { Promised } from './operations.ts';
import { nodeOf, type Node } from './samples.ts';

export type Asked = {
  params?: Record<string, string>;
  query?: Record<string, unknown>;
  body?: unknown;
  /** The body as it is, whatever it is. */
  text?: string | Buffer;
  /** The path and query as they are. */
  address?: string;
  headers?: Record<string, string>;
};

export type Reply = { status: number; headers: Record<string, unknown>; text: string; body: unknown };

export async function ask(cloud: TestCloud, person: Person | undefined, promised: Promised, asked: Asked): Promise<Reply> {
  const { service, operation } = promised;
  const address = asked.address ?? addressOf('', service, operation, asked);
  const bytes = asked.text ?? (asked.body === undefined ? undefined : Buffer.isBuffer(asked.body) ? asked.body : JSON.stringify(asked.body));
  const type = operation.body === 'stream' ? 'application/octet-stream' : (operation.consumes?.[0] ?? 'application/json');
  const reply = await cloud.door.app.inject({
    method: operation.method,
    url: address,
    headers: {
      accept: 'application/json',
      ...(person ? { 'x-auth-token': await person.token() } : {}),
      ...(service.microversions ? { 'openstack-api-version': `${service.microversions.name} ${newestOf(service, operation) ?? service.microversions.max}` } : {}),
      ...(bytes === undefined ? {} : { 'content-type': type }),
      ...asked.headers,
    },
    ...(bytes === undefined ? {} : { payload: bytes }),
  });
  return { status: reply.statusCode, headers: reply.headers, text: reply.payload, body: parsed(reply.payload) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is not JSON has no fields to look at.
    return text;
  }
}

const checks = new Map<TSchema, ReturnType<typeof checker>>();

/** How this reply of success differs from what the contract says at its newest microversion. */
export function broken({ operation }: Promised, reply: Reply): string[] {
  const statuses = [operation.status, ...(operation.otherStatuses ?? [])];
  if (!statuses.includes(reply.status)) return [`answers ${reply.status}, and not ${statuses.join(' or ')}`];
  if (operation.response === 'stream') return [];
  if (operation.response === undefined) return reply.text === '' ? [] : [`has a body: ${reply.text.slice(0, 200)}`];
  const check = checks.get(operation.response) ?? checker(operation.response);
  checks.set(operation.response, check);
  const issue = check(reply.body);
  if (issue) return [`${issue.field || 'the body'} ${issue.reason} (it is ${JSON.stringify(issue.value)?.slice(0, 200)})`];
  return strangers(operation.response as Node, reply.body, '');
}

/** Fields that the contract does not name. */
function strangers(schema: Node, value: unknown, path: string): string[] {
  const parts = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (Array.isArray(schema[key]) ? (schema[key] as Node[]) : []));
  if (parts.length > 0) {
    const each = parts.map((part) => strangers(part, value, path));
    if (Array.isArray(schema['allOf'])) return each.reduce((one, other) => one.filter((name) => other.includes(name)));
    return each.reduce((one, other) => (other.length < one.length ? other : one));
  }
  if (Array.isArray(value)) return value.flatMap((item) => strangers(nodeOf(schema['items']), item, `${path}[]`));
  if (typeof value !== 'object' || value === null || schema['properties'] === undefined) return [];
  const known = nodeOf(schema['properties']);
  const open = schema['additionalProperties'] === true || (typeof schema['additionalProperties'] === 'object' && schema['additionalProperties'] !== null);
  return Object.entries(value).flatMap(([name, field]) => {
    if (name in known) return strangers(nodeOf(known[name]), field, `${path}/${name}`);
    return open ? [] : [`${path}/${name} is in the reply and not in the contract`];
  });
}

/** Whether a refusal is written as the service writes them, with a message for people. */
export function unlikeItsService({ service }: Promised, reply: Reply): string | undefined {
  if (reply.text === '') return undefined;
  const probe = 'what is wrong and what to do';
  const shaped = service.shape({ status: reply.status, code: 'code', message: probe, requestId: 'req-1', accept: 'application/json' }).body;
  // The middleware of tokens answers for every service.
  const expected = reply.status === 401 && service.asksForTokens !== true ? { error: { code: 401, title: 'Unauthorized', message: probe } } : shaped;
  const found = JSON.stringify(skeleton(reply.body));
  if (found !== JSON.stringify(skeleton(expected))) return `is not in the shape of ${service.name}: ${reply.text.slice(0, 200)}`;
  const message = texts(expected).includes(probe) ? texts(reply.body).some((text) => text.length > 3 && text !== 'code') : true;
  return message ? undefined : `has no message: ${reply.text.slice(0, 200)}`;
}

/** Names of fields and kinds of values. */
function skeleton(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(skeleton);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, each]) => [key, skeleton(each)]));
}

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : [];
}
