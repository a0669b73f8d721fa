/** One request through one operation: right, version, validation, transaction, reply. Knows no service. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { effectsOf, type Operation, type Service } from '../../contract/contract.ts';
import { audit } from '../audit.ts';
import type { Random } from '../clock.ts';
import { badRequest, Fault, notFound } from '../fault.ts';
import { findResult, keepResult, type RequestKey } from '../idempotency.ts';
import type { Database, Scope, Transaction } from '../postgres/database.ts';
import type { Policy } from '../policy/policy.ts';
import type { Caller } from './caller.ts';
import { Answer, type AnyHandler, type Whose } from './implement.ts';
import { demandRight, scopeOf } from './right.ts';
import { unstorable } from './unstorable.ts';
import { servedAt, type Served } from './versions.ts';

/** An operation with its handler, as the door holds it. */
export type Endpoint = {
  /** `compute.servers.create` */
  id: string;
  service: Service;
  operation: Operation;
  handler: AnyHandler;
  database: Database;
  at(version: string | undefined): Served | undefined;
};

export function endpoint(service: Service, noun: string, name: string, operation: Operation, handler: AnyHandler, database: Database): Endpoint {
  const served = new Map<string | undefined, Served | undefined>();
  return {
    id: `${service.type}.${noun}.${name}`,
    service,
    operation,
    handler,
    database,
    at(version) {
      if (!served.has(version)) served.set(version, servedAt(`${noun}.${name}`, operation, service, version));
      return served.get(version);
    },
  };
}

/** What came in, with nothing believed yet. */
export type Incoming = {
  caller: Caller;
  requestId: string;
  now: Date;
  random: Random;
  policy: Policy;
  version: string | undefined;
  params: Record<string, string>;
  query: Record<string, string | string[]>;
  body: unknown;
  headers: Record<string, string | string[] | undefined>;
  /** `http://host:port` */
  base: string;
  /** Path and query as the client wrote them. */
  address: string;
  /** Path and query as they were routed. */
  path: string;
  /** The part of the path that comes before the operation's own. */
  prefix: string;
  remoteAddress: string;
  signal: AbortSignal;
};

export type Outgoing = { status: number; headers: Record<string, string>; body: unknown; replayed?: boolean };

export async function perform(endpoint: Endpoint, incoming: Incoming): Promise<Outgoing> {
  const { operation } = endpoint;
  demandRight(operation.access, incoming.caller, incoming);
  const served = endpoint.at(incoming.version);
  if (!served) throw absent(operation);
  const { known, other } = served.readQuery(incoming.query);
  check(endpoint, 'query', served.checkQuery, known);
  if (served.closedQuery && Object.keys(other).length > 0)
    throw unknownParameters(endpoint.service, Object.keys(other));
  checkPath(endpoint, served, incoming.params);
  const body = operation.body === 'stream' ? incoming.body : checkedBody(endpoint, served, incoming.body);

  const scope = scopeOf(operation.access, incoming.caller);
  const request = { ...pick(incoming), query: served.newerQuery(known), otherQuery: other, body };
  const call = (more: object) => endpoint.handler({ ...request, ...more } as never);
  const reply = (value: unknown) => outgoing(served, value);
  const recorded = (work: (tx: Transaction) => Promise<unknown>, within: Scope = scope) => recordedTransaction(endpoint, incoming, served, within, work);

  switch (effectsOf(operation)) {
    case 'none':
      return reply(await endpoint.database.read(scope, (tx) => call({ tx })));
    case 'transaction':
      return recorded((tx) => call({ tx }));
    case 'own':
      try {
        return reply(
          await call({
            read: (work: (tx: Transaction) => Promise<unknown>, whose?: Whose) => endpoint.database.read(whose ? scopeIn(whose) : scope, work),
            // The handler goes on with what it made; the reply is written from what it returns in the end.
            commit: async (work: (tx: Transaction) => Promise<unknown>, whose?: Whose) => {
              let made: unknown;
              const recordedReply = await recorded(async (tx) => (made = await work(tx)), whose ? scopeIn(whose) : scope);
              if (recordedReply.replayed === true) throw new DoneBefore(recordedReply);
              return made;
            },
          }),
        );
      } catch (error) {
        if (error instanceof DoneBefore) return error.reply;
        throw error;
      }
  }
}

/** Ends a handler whose work was done by an earlier request with the same key: its answer is this one's too. */
class DoneBefore extends Error {
  readonly reply: Outgoing;

  constructor(reply: Outgoing) {
    super('This request was done before');
    this.reply = reply;
  }
}

/** The change, its audit entry and its idempotency result, or nothing of them. */
async function recordedTransaction(endpoint: Endpoint, incoming: Incoming, served: Served, scope: Scope, work: (tx: Transaction) => Promise<unknown>): Promise<Outgoing> {
  const { caller, requestId } = incoming;
  const clock = { now: () => incoming.now };
  const request = requestKey(endpoint, incoming, scope);
  return endpoint.database.transaction(scope, async (tx) => {
    const before = request && (await findResult(tx, clock, request));
    if (before) return { status: before.status, headers: before.headers, body: before.body === '' ? undefined : before.body, replayed: true };
    const reply = outgoing(served, await work(tx));
    const path = incoming.path.split('?')[0] ?? '';
    await audit(tx, clock, {
      action: endpoint.id,
      target: path,
      outcome: 'success',
      userId: caller.userId,
      projectId: caller.projectId ?? undefined,
      requestId,
      source: incoming.remoteAddress,
      details: { method: endpoint.operation.method, status: reply.status },
    });
    if (request) await keepResult(tx, incoming, request, { status: reply.status, headers: reply.headers, body: reply.body === undefined ? '' : JSON.stringify(reply.body) });
    return reply;
  });
}

/** Under what the result of this request is kept, when the client asks for that. */
function requestKey(endpoint: Endpoint, incoming: Incoming, scope: Scope): RequestKey | undefined {
  const key = incoming.headers['idempotency-key'];
  if (key === undefined || endpoint.operation.method !== 'POST') return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key)) throw badRequest('The Idempotency-Key header must be 1 to 255 visible ASCII characters.');
  const asked = `${endpoint.id} ${incoming.path} ${incoming.version ?? ''} ${endpoint.operation.body === 'stream' ? '' : JSON.stringify(incoming.body ?? null, withoutSecrets)}`;
  return {
    // In the caller's scope, so that the row can be written and is seen by nobody else's transaction.
    projectId: scope.kind === 'project' ? scope.projectId : (incoming.caller.projectId ?? ''),
    // Two users of one project do not get each other's answers.
    key: digest(`${incoming.caller.userId} ${key}`),
    secret: key,
    fingerprint: digest(asked),
  };
}

/** A fast hash of a password must not be kept: what is secret does not count when two requests are compared. */
function withoutSecrets(name: string, value: unknown): unknown {
  return /pass|secret|user_?data|private/i.test(name) && typeof value === 'string' ? '' : value;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function outgoing(served: Served, value: unknown): Outgoing {
  const answer = value instanceof Answer ? value : new Answer(value);
  const headers = { ...answer.headers };
  for (const name of served.unknownHeaders) delete headers[name];
  if (answer.next !== undefined) headers['link'] = `<${answer.next}>; rel="next"`;
  const body: unknown = answer.body;
  return { status: answer.status ?? served.status, headers, body: body instanceof Readable || isAsyncIterable(body) ? body : served.older(body) };
}

function checkedBody(endpoint: Endpoint, served: Served, given: unknown): unknown {
  const { operation } = endpoint;
  if (operation.body === undefined) return undefined;
  if (given === undefined && served.bodyOptional) return undefined;
  if (served.checkBody && (given === undefined || given === null)) throw badRequest(endpoint.service.notJson?.('Expecting value') ?? 'This request needs a JSON body.');
  check(endpoint, 'body', served.checkBody, given);
  return served.newer(given);
}

function scopeIn({ projectId }: Whose): Scope {
  return { kind: 'project', projectId };
}

function checkPath(endpoint: Endpoint, served: Served, params: Record<string, string>): void {
  // No other id or name is longer; a NUL would make PostgreSQL refuse the statement.
  const { nulInPath } = endpoint.service;
  for (const [name, value] of Object.entries(params)) {
    if (nulInPath && value.includes('\0')) throw new Fault(nulInPath.status, 'badRequest', nulInPath.message);
    if ((value.length > 255 && !served.namesParam(name)) || value.includes('\0')) throw notFound('The resource could not be found.');
  }
  check(endpoint, 'path', served.checkParams, params);
}

function check(endpoint: Endpoint, where: 'body' | 'query' | 'path', checker: Served['checkBody'], value: unknown): void {
  const why = unstorable(value);
  if (why !== undefined) throw badRequest(`The ${where} ${why}.`);
  const issue = checker?.(value);
  if (!issue) return;
  const { code, message } = endpoint.service.invalid?.({ where, ...issue }) ?? {
    code: 'badRequest',
    message: `Invalid input for field/attribute ${issue.field.split('/').pop() || where}. Value: ${brief(issue.value)}. ${issue.reason}`,
  };
  throw new Fault(400, code, message);
}

/** What an operation is to a microversion that does not have it. */
export function absent({ absentAs, method }: Operation): Fault {
  return absentAs === 405 ? notAllowed(method) : notFound('The resource could not be found.');
}

export function notAllowed(method: string, allowed?: readonly string[]): Fault {
  return new Fault(405, 'badMethod', `The method ${method} is not allowed for this resource.`, allowed === undefined ? {} : { headers: { allow: allowed.join(', ') } });
}

function unknownParameters({ unknownParameters: said }: Service, names: readonly string[]): Fault {
  const reason = `Additional properties are not allowed (${names.map((name) => `'${brief(name)}'`).join(', ')} ${names.length === 1 ? 'was' : 'were'} unexpected)`;
  return badRequest(said?.(reason) ?? `Invalid input for query parameters. ${reason}`);
}

/** Enough of a wrong value to recognise it; never a whole body, which may hold a secret. */
function brief(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return String(value).slice(0, 60);
}

function pick(incoming: Incoming) {
  const { caller, requestId, now, random, policy, params, headers, base, address, remoteAddress, signal } = incoming;
  return {
    caller,
    requestId,
    now,
    random,
    policy,
    params,
    headers,
    base,
    address,
    remoteAddress,
    signal,
    url: (path: string) => `${base}${incoming.prefix}${path}`,
    page(change: Record<string, string>) {
      const [path = '', text = ''] = incoming.path.split('?');
      const query = new URLSearchParams(text);
      for (const [name, value] of Object.entries(change)) query.set(name, value);
      return `${base}${path}?${query.toString()}`;
    },
  };
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
