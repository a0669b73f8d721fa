/** A network service on a database and a simulated region of its own, with its door: for tests. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import { DriverError } from '../../drivers/driver.ts';
import { createSimulatedDriver, type Faults } from '../../drivers/simulated/simulated.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Context } from '../../kit/http/implement.ts';
import { createDoor } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import type { ProjectionParts } from './projection.ts';
import { bootstrapNetwork, makeNetwork, schemaDirectory } from './network.ts';

export type Reply = { status: number; headers: Record<string, unknown>; body: any };
export type Ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<Reply>;

export async function networkFixture(t: TestContext, { faults }: { faults?: Faults } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'network-'));
  const { database } = await testDatabase(t, {
    migrations: [
      { service: 'quota', directory: fileURLToPath(new URL('../quota/schema/', import.meta.url)) },
      { service: 'network', directory: schemaDirectory },
    ],
  });
  const clock = systemClock;
  const random = systemRandom;
  const log = createLog({ name: 'test', level: 'fatal' });
  const blobs = {
    path: async (sha256: string): Promise<string> => Promise.reject(new DriverError('missing', sha256)),
    incomingPath: (upload: string) => join(folder, upload),
  };
  const driver = createSimulatedDriver({
    stateDir: join(folder, 'driver'), hosts: 1, hostShape: { vcpus: 4, memoryMiB: 4096, diskGiB: 100 }, blobs, clock, random, ...(faults ? { faults } : {}),
  });
  const parts: ProjectionParts = { driver, database, clock, log };
  const made = makeNetwork({ ...parts, random } as unknown as Parameters<typeof makeNetwork>[0]);
  const callers: Record<string, Caller> = {
    alice: callerOf('alice', 'member'),
    bob: callerOf('bob', 'member'),
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
      return { status: reply.statusCode, headers: reply.headers, body: reply.body === '' ? undefined : reply.json() };
    };

  const fixture = {
    parts,
    door,
    driver,
    database,
    callers,
    alice: as('alice'),
    bob: as('bob'),
    reader: as('reader'),
    admin: as('admin'),
    nobody: as('nobody'),
    /** The rules without the door, as other services use them. */
    within: <T>(who: 'alice' | 'bob' | 'admin', work: (context: Context) => Promise<T>): Promise<T> => {
      const caller = callers[who]!;
      const scope = caller.isAdmin ? ({ kind: 'system', reason: 'test' } as const) : ({ kind: 'project', projectId: caller.projectId! } as const);
      return database.transaction(scope, (tx: Transaction) => work({ tx, caller, now: clock.now(), requestId: 'req-test' }));
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

export function ok(reply: Reply, status = 200): any {
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
