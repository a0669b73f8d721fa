/** A network service on a database and a simulated region of its own, with its door: for tests. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import type { TSchema } from 'typebox';
import { Errors } from 'typebox/value';
import type { Operations } from '../../contract/contract.ts';
import { network as contract } from '../../contract/network/service.ts';
import { DriverError } from '../../drivers/driver.ts';
import { createSimulatedDriver } from '../../drivers/simulated/simulated.ts';
import { systemClock, seededRandom } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Context } from '../../kit/http/implement.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { createEngine } from '../../kit/workflow/engine.ts';
import type { RegionParts } from '../parts.ts';
import type { ProjectionParts } from './projection.ts';
import { bootstrapNetwork, makeNetwork, schemaDirectory } from './network.ts';

/** What a reply's JSON was, to be looked into freely. */
export type Parsed = ReturnType<typeof JSON.parse>;
export type Reply = { status: number; headers: Record<string, unknown>; body: Parsed };
export type Ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<Reply>;

export async function networkFixture(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'network-'));
  const { database } = await testDatabase(t, {
    migrations: [
      { service: 'quota', directory: fileURLToPath(new URL('../quota/schema/', import.meta.url)) },
      { service: 'placement', directory: fileURLToPath(new URL('../placement/schema/', import.meta.url)) },
      { service: 'network', directory: schemaDirectory },
    ],
  });
  const clock = systemClock;
  // The same addresses are drawn in each run: a test that names one must not meet it by chance.
  const random = seededRandom(1);
  const log = createLog({ name: 'test', level: 'fatal' });
  const blobs = {
    path: async (sha256: string): Promise<string> => Promise.reject(new DriverError('missing', sha256)),
    incomingPath: (upload: string) => join(folder, upload),
  };
  const driver = createSimulatedDriver({
    stateDir: join(folder, 'driver'), hosts: 1, hostShape: { vcpus: 4, memoryMiB: 4096, diskGiB: 100 }, blobs, clock, random,
  });
  const parts: ProjectionParts = { driver, database, clock, log };
  // The network service asks for no image bytes.
  const services = { ...parts, random } as unknown as RegionParts;
  const made = makeNetwork(services);
  const callers: Record<string, Caller> = {
    alice: callerOf('alice', 'member'),
    bob: callerOf('bob', 'member'),
    carol: callerOf('carol', 'member'),
    reader: { ...callerOf('alice', 'reader'), userName: 'reader' },
    admin: { ...callerOf('admin', 'member'), isAdmin: true },
  };
  const door = createDoor({ implementations: [made.implementation!], authenticate: (token) => callers[token], clock, random, log, rateLimit: { perSecond: 1e6, burst: 1e6 } });
  t.after(async () => {
    await door.drain();
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });

  const as =
    (token: string): Ask =>
    async (method, path, body) => {
      const reply = await door.app.inject({
        method,
        url: `/network/v2.0${path}`,
        headers: { 'x-auth-token': token, host: 'cloud.test' },
        ...(body === undefined ? {} : { payload: body }),
      });
      const parsed: Parsed = reply.body === '' ? undefined : reply.json();
      if (reply.statusCode < 300) assertAsPromised(method, path, reply.statusCode, parsed);
      return { status: reply.statusCode, headers: reply.headers, body: parsed };
    };

  const fixture = {
    parts,
    /** To be served by another door, with other callers. */
    implementation: made.implementation!,
    /** What a worker does all the time. */
    worker: () => createEngine<RegionParts>({ database, clock, random, workflows: made.workflows, schedules: made.schedules, services, pollMs: 50 }),
    door,
    driver,
    database,
    callers,
    alice: as('alice'),
    bob: as('bob'),
    carol: as('carol'),
    reader: as('reader'),
    admin: as('admin'),
    nobody: as('nobody'),
    /** The rules without the door, as other services use them. */
    within: <T>(who: 'alice' | 'bob' | 'admin', work: (context: Context) => Promise<T>): Promise<T> => {
      const caller = callers[who]!;
      const scope = caller.isAdmin ? ({ kind: 'system', reason: 'test' } as const) : ({ kind: 'project', projectId: caller.projectId! } as const);
      return database.transaction(scope, (tx: Transaction) => work({ tx, caller, now: clock.now(), random, requestId: 'req-test' }));
    },
    external: (pool?: { start: string; end: string }) =>
      bootstrapNetwork({ database, clock, random }, { name: 'public', cidr: '198.51.100.0/24', gateway: '198.51.100.1', physicalNetwork: 'physnet1', projectId: 'admin-project', ...(pool ? { pool } : {}) }),
    findings: async () => (await Promise.all(made.invariants.map((each) => each.check()))).flat(),
    /** A network of alice's with one IPv4 subnet. */
    async lan(ask: Ask = as('alice'), cidr = '10.0.0.0/24') {
      const network = ok(await ask('POST', '/networks', { network: { name: 'lan' } }), 201).network;
      const subnet = ok(await ask('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr } }), 201).subnet;
      return { network, subnet };
    },
  };
  return fixture;
}

/** Every reply of every test has the status and exactly the fields that the contract names. */
function assertAsPromised(method: string, path: string, status: number, body: Parsed): void {
  const plain = path.split('?')[0]!.replace(/\.json$/, '');
  const pattern = (each: string) => new RegExp(`^${each.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
  const candidates = Object.values<Operations>(contract.nouns).flatMap((noun) => Object.values(noun)).filter((each) => each.method === method && pattern(each.path).test(plain));
  // A path that is written out counts more than one with a parameter: `…/details`.
  const operation = candidates.toSorted((one, other) => one.path.split('{').length - other.path.split('{').length)[0];
  assert.ok(operation, `${method} ${plain} is in no contract`);
  assert.equal(status, operation.status, `${method} ${plain}`);
  if (typeof operation.response !== 'object') return assert.equal(body, undefined);
  assert.deepEqual(Errors(closed(operation.response), body), [], `${method} ${plain}: ${JSON.stringify(body)}`);
}

/** The schema without room for fields that it does not name. */
function closed(schema: TSchema): TSchema {
  return JSON.parse(JSON.stringify(schema), (_key, value: Parsed) => (value?.type === 'object' && value.properties ? { ...value, additionalProperties: false } : value));
}

export function ok(reply: Reply, status = 200): Parsed {
  assert.equal(reply.status, status, JSON.stringify(reply.body));
  return reply.body;
}

/** Status and Neutron's name of a refusal. */
export function refusal(reply: Reply): [number, string] {
  return [reply.status, reply.body?.NeutronError?.type];
}

function callerOf(name: string, ...roles: string[]): Caller {
  return {
    userId: name, userName: name, userDomainId: 'default', projectId: `${name}-project`, projectName: name, projectDomainId: 'default', domainId: null, system: false,
    roles: new Set(['reader', ...roles]), isAdmin: false, token: name, expiresAt: new Date('2100-01-01'),
  };
}
