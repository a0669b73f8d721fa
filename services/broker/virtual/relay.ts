/** Asks a region what a client asked of the region that spans all: the same operation, with the caller's own token. */
import { Readable } from 'node:stream';
import { addressOf } from '../../../contract/client.ts';
import type { Operation, Service } from '../../../contract/contract.ts';
import { Fault } from '../../../kit/fault.ts';
import { Answer } from '../../../kit/http/implement.ts';
import type { Region } from '../regions.ts';

/** An operation of a service as the regions offer it. */
export type Asked = {
  service: Service;
  operation: Operation;
  params?: Record<string, string>;
  query?: Record<string, string | string[]>;
  body?: unknown;
  headers?: Record<string, string>;
};

export type Reply = { status: number; headers: Record<string, string>; body: unknown };

export type Relay = (region: Region, asked: Asked) => Promise<Reply>;

/** The region did not say what it did: it may have done it. */
export class Unanswered extends Error {
  override name = 'Unanswered';
  readonly region: string;

  constructor(region: string, cause: unknown) {
    super(`${region} did not answer`, { cause });
    this.region = region;
  }
}

const withinMs = 30_000;
const takenAlong = ['accept', 'content-type', 'openstack-api-version', 'x-openstack-nova-api-version', 'range', 'if-match'];

/** What of the client's headers goes along: how it wants to be answered, never who it says it is. */
export function passedHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(takenAlong.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])));
}

export function relayAs(token: string, { fetch: send, signal }: { fetch: typeof fetch; signal?: AbortSignal }): Relay {
  return async (region, { service, operation, params = {}, query = {}, body, headers = {} }) => {
    const streamed = operation.body === 'stream' && body !== undefined;
    const sent: Record<string, string> = { ...headers, 'x-auth-token': token };
    if (body !== undefined && !streamed) sent['content-type'] ??= operation.consumes?.[0] ?? 'application/json';
    // Bytes of an image take as long as they take; the client's patience ends them.
    const patience = streamed || operation.response === 'stream' ? signal : AbortSignal.any([AbortSignal.timeout(withinMs), ...(signal ? [signal] : [])]);
    let response: Response;
    try {
      response = await send(addressOf(region.base, service, operation, { params, query }), {
        method: operation.method,
        headers: sent,
        redirect: 'manual',
        ...(patience ? { signal: patience } : {}),
        ...(body === undefined ? {} : streamed ? { body, duplex: 'half' } : { body: JSON.stringify(body) }),
      } as RequestInit);
      if (operation.response === 'stream' && response.ok) return { status: response.status, headers: kept(response.headers), body: response.body === null ? undefined : Readable.fromWeb(response.body as never) };
      const text = await response.text();
      return { status: response.status, headers: kept(response.headers), body: text === '' ? undefined : isJson(response) ? JSON.parse(text) : text };
    } catch (cause) {
      throw new Unanswered(region.name, cause);
    }
  };
}

/** The region's answer as ours; a region that did not answer is a 503 that names it. */
export function asAnswer({ status, headers, body }: Reply): Answer<unknown> {
  return new Answer(body, { status, headers });
}

export function unreachable({ region }: Unanswered): Fault {
  return new Fault(503, 'serviceUnavailable', `The region ${region} cannot be reached. What is in other regions works; try again later.`, { headers: { 'retry-after': '5' } });
}

const keptHeaders = ['content-type', 'content-length', 'location', 'content-md5', 'retry-after', 'etag'];

function kept(headers: Headers): Record<string, string> {
  return Object.fromEntries(keptHeaders.flatMap((name) => { const value = headers.get(name); return value === null || (name === 'content-length' && !headers.get('content-type')?.includes('octet-stream')) ? [] : [[name, value]]; }));
}

function isJson(response: Response): boolean {
  return response.headers.get('content-type')?.includes('json') === true;
}
