/** An identity service on a database of its own, with its door: for tests. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import type { Service } from '../../contract/contract.ts';
import { identity as contract } from '../../contract/identity/service.ts';
import { systemClock, systemRandom, type Clock } from '../../kit/clock.ts';
import { createDoor, type Door } from '../../kit/http/serve.ts';
import { createLog } from '../../kit/log.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { createWorkflows } from '../../kit/workflow/runs.ts';
import type { HomeParts } from '../parts.ts';
import { bootstrapIdentity, makeIdentity, schemaDirectory, type Identity } from './identity.ts';
import { passingKey } from './vault.ts';

export const adminPassword = 'a password for the tests';

/** What JSON may be; the assertions say what it is. */
export type Parsed = ReturnType<typeof JSON.parse>;

export type Reply = { status: number; headers: Record<string, unknown>; body: Parsed };
type Ask = { token?: string; body?: object; headers?: Record<string, string> };

export type IdentityFixture = {
  parts: HomeParts;
  identity: Identity;
  door: Door;
  /** Through the door, without a network. The path is below `/identity/v3`. */
  ask(method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, ask?: Ask): Promise<Reply>;
  /** A token for these claims; refused ones throw. */
  login(identity: object, scope?: object | 'unscoped'): Promise<string>;
  /** By name in the default domain. */
  loginAs(name: string, password: string, project?: string): Promise<string>;
  /** The administrator's token, in the project `admin`. */
  admin: string;
  /** As the administrator; anything but success throws. */
  make(path: string, body: object): Promise<Parsed>;
  /** A user with a project of the same name and these roles in it. */
  person(name: string, ...roles: string[]): Promise<{ id: string; projectId: string; password: string; token: string }>;
  /** The id of a role by its name. */
  role(name: string): Promise<string>;
  /** The same service in another process: its own connections, its own memory. */
  another(): Identity;
};

export async function identityFixture(t: TestContext, { clock = systemClock, services = [contract], base = 'http://cloud.test' }: { clock?: Clock; services?: readonly Service[]; base?: string } = {}): Promise<IdentityFixture> {
  const { database, open } = await testDatabase(t, { migrations: [{ service: 'identity', directory: fileURLToPath(schemaDirectory) }] });
  const log = createLog({ name: 'test', level: 'fatal' });
  const parts: HomeParts = { database, clock, random: systemRandom, log, workflows: createWorkflows({ clock, random: systemRandom }) };
  // Cheap hashes: what they cost is not what is tested here.
  const options = { cloudKeys: [passingKey(systemRandom)], passwordCost: { memoryKiB: 64, passes: 1 } };
  await bootstrapIdentity(parts, { adminPassword, region: 'here', base, services });
  const identity = makeIdentity(parts, options);
  await identity.start();
  const door = createDoor({ implementations: [identity.implementation!], authenticate: identity.authenticate, clock, random: systemRandom, log });
  t.after(() => door.drain());

  const ask: IdentityFixture['ask'] = async (method, path, { token, body, headers = {} } = {}) => {
    const reply = await door.app.inject({
      method,
      url: `/identity/v3${path}`,
      headers: { host: 'cloud.test', ...(token === undefined ? {} : { 'x-auth-token': token }), ...headers },
      ...(body === undefined ? {} : { payload: body }),
    });
    return { status: reply.statusCode, headers: reply.headers, body: reply.body === '' ? undefined : String(reply.headers['content-type']).includes('json') ? JSON.parse(reply.body) : reply.body };
  };
  const login: IdentityFixture['login'] = async (proof, scope) => {
    const reply = await ask('POST', '/auth/tokens', { body: { auth: { identity: proof, ...(scope === undefined ? {} : { scope }) } } });
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    return String(reply.headers['x-subject-token']);
  };
  const loginAs: IdentityFixture['loginAs'] = (name, password, project) =>
    login({ methods: ['password'], password: { user: { name, domain: { id: 'default' }, password } } }, project === undefined ? undefined : { project: { name: project, domain: { id: 'default' } } });
  const admin = await loginAs('admin', adminPassword, 'admin');
  const make: IdentityFixture['make'] = async (path, body) => {
    const reply = await ask('POST', path, { token: admin, body });
    assert.equal(reply.status, 201, JSON.stringify(reply.body));
    return Object.values(reply.body)[0];
  };
  const role: IdentityFixture['role'] = async (name) => (await ask('GET', `/roles?name=${name}`, { token: admin })).body.roles[0].id;

  return {
    parts,
    identity,
    door,
    ask,
    login,
    loginAs,
    admin,
    make,
    role,
    async person(name, ...roles) {
      const password = `the password of ${name}`;
      const { id: projectId } = await make('/projects', { project: { name, domain_id: 'default' } });
      const { id } = await make('/users', { user: { name, domain_id: 'default', password, default_project_id: projectId } });
      for (const each of roles) {
        const granted = await ask('PUT', `/projects/${projectId}/users/${id}/roles/${await role(each)}`, { token: admin });
        assert.equal(granted.status, 204);
      }
      return { id, projectId, password, token: await loginAs(name, password) };
    },
    another() {
      return makeIdentity({ ...parts, database: open() }, options);
    },
  };
}
