/** A client as good ones are: what got no answer is sent again, a creation under the same Idempotency-Key. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { contracts } from '../../contract/contracts.ts';
import { layoutOf } from '../../supervisor/config.ts';
import type { WholeCloud } from './whole-cloud.ts';

export type Answer<T> = { status: number; body: T; /** How often it was sent; more than once means that an earlier one may have been done. */ sent: number };

export type PersistentClient = {
  projectId: string;
  /** Fails on a status of 500, and of 400 or more unless it is named as expected. */
  ask<T = unknown>(service: string, method: string, path: string, options?: { body?: unknown; key?: string; expected?: number[] }): Promise<Answer<T>>;
};

const persistsMs = 60_000;

export async function connectPersistently(cloud: WholeCloud): Promise<PersistentClient> {
  const password = readFileSync(layoutOf(cloud.stateDir).adminPassword, 'utf8').trim();
  const inDefault = { domain: { id: 'default' } };
  const login = await fetch(`${cloud.url}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user: { name: 'admin', password, ...inDefault } } }, scope: { project: { name: 'admin', ...inDefault } } } }),
  });
  assert.equal(login.status, 201);
  const token = login.headers.get('x-subject-token') ?? '';
  const { token: about } = (await login.json()) as { token: { project: { id: string } } };
  return {
    projectId: about.project.id,
    async ask<T>(service: string, method: string, path: string, { body, key, expected = [] }: { body?: unknown; key?: string; expected?: number[] } = {}) {
      const base = contracts.find(({ type }) => type === service)?.path;
      assert.ok(base, service);
      const headers = { 'x-auth-token': token, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(method === 'POST' ? { 'idempotency-key': key ?? randomUUID() } : {}) };
      const { response, text, sent } = await persist(`${cloud.url}${base}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
      assert.ok(response.ok || expected.includes(response.status), `${method} ${service}${path}: ${response.status} ${text}`);
      return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as T, sent };
    },
  };
}

/** Until there is an answer other than that the service is not ready. */
async function persist(url: string, request: RequestInit): Promise<{ response: Response; text: string; sent: number }> {
  const deadline = performance.now() + persistsMs;
  for (let sent = 1; ; sent++) {
    let last: unknown;
    try {
      const response = await fetch(url, request);
      const text = await response.text();
      if (response.status !== 503) return { response, text, sent };
      last = text;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) throw new Error(`No answer from ${url} in ${persistsMs / 1000} s`, { cause: last });
    await pause(Math.min(25 * sent, 250));
  }
}
