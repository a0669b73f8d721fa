/** Whatever ends a right ends the tokens that carry it: here at once, elsewhere within a second, also where they were asked about before (ATTACKS 17). */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { startCloud, type TestCloud } from './cloud.ts';
import { until } from './patience.ts';
import { addRegion } from './several-regions.ts';

type Reply = { status: number; headers: Record<string, unknown>; body: ReturnType<typeof JSON.parse> };
type Ask = (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, options?: { token?: string; body?: object }) => Promise<Reply>;
type Subject = { name: string; domainId: string; projectId: string; userId: string; password: string };

/** What is made for it, the token that it is about, and what ends it. */
type Ending = (world: World, subject: Subject) => Promise<{ token: string; end(): Promise<Reply> }>;
type World = { ask: Ask; admin: string; role: (name: string) => string; login: (identity: object, scope?: object) => Promise<string>; now: () => Date };

const byPassword = ({ userId, password }: Subject) => ({ methods: ['password'], password: { user: { id: userId, password } } });
const inProject = ({ projectId }: Subject) => ({ project: { id: projectId } });

const own = (end: (world: World, subject: Subject, token: string) => Promise<Reply>): Ending => async (world, subject) => {
  const token = await world.login(byPassword(subject), inProject(subject));
  return { token, end: () => end(world, subject, token) };
};

const endings: Record<string, Ending> = {
  'the token is revoked': own(({ ask, admin }, _, token) => ask('DELETE', '/auth/tokens', { token: admin, body: { 'x-subject-token': token } })),
  'the user is disabled': own(({ ask, admin }, { userId }) => ask('PATCH', `/users/${userId}`, { token: admin, body: { user: { enabled: false } } })),
  'the user is deleted': own(({ ask, admin }, { userId }) => ask('DELETE', `/users/${userId}`, { token: admin })),
  'the user has another password': own(({ ask }, { userId, password }) => ask('POST', `/users/${userId}/password`, { body: { user: { original_password: password, password: 'quite another one' } } })),
  'the project is disabled': own(({ ask, admin }, { projectId }) => ask('PATCH', `/projects/${projectId}`, { token: admin, body: { project: { enabled: false } } })),
  'the project is deleted': own(({ ask, admin }, { projectId }) => ask('DELETE', `/projects/${projectId}`, { token: admin })),
  'the domain is disabled': own(({ ask, admin }, { domainId }) => ask('PATCH', `/domains/${domainId}`, { token: admin, body: { domain: { enabled: false } } })),
  'the role is taken away': own(({ ask, admin, role }, { projectId, userId }) => ask('DELETE', `/projects/${projectId}/users/${userId}/roles/${role('member')}`, { token: admin })),
  async 'the user leaves the group that has the role'({ ask, admin, role, login }, subject) {
    const { id } = (await ask('POST', '/groups', { token: admin, body: { group: { name: subject.name, domain_id: subject.domainId } } })).body.group;
    await ask('PUT', `/groups/${id}/users/${subject.userId}`, { token: admin });
    await ask('PUT', `/domains/${subject.domainId}/groups/${id}/roles/${role('reader')}`, { token: admin });
    const token = await login(byPassword(subject), { domain: { id: subject.domainId } });
    return { token, end: () => ask('DELETE', `/groups/${id}/users/${subject.userId}`, { token: admin }) };
  },
  async 'what was inherited is taken away'({ ask, admin, role, login }, subject) {
    const path = `/OS-INHERIT/domains/${subject.domainId}/users/${subject.userId}/roles/${role('manager')}/inherited_to_projects`;
    await ask('PUT', path, { token: admin });
    return { token: await login(byPassword(subject), inProject(subject)), end: () => ask('DELETE', path, { token: admin }) };
  },
  async 'the application credential is deleted'({ ask, login }, subject) {
    const maker = await login(byPassword(subject), inProject(subject));
    const { id, secret } = (await ask('POST', `/users/${subject.userId}/application_credentials`, { token: maker, body: { application_credential: { name: 'robot' } } })).body.application_credential;
    return { token: await login({ methods: ['application_credential'], application_credential: { id, secret } }), end: () => ask('DELETE', `/users/${subject.userId}/application_credentials/${id}`, { token: maker }) };
  },
  async 'the trust is deleted'(world, subject) {
    const { token, trust } = await byTrust(world, subject);
    return { token, end: async () => world.ask('DELETE', `/OS-TRUST/trusts/${trust}`, { token: await world.login(byPassword(subject), inProject(subject)) }) };
  },
  async 'who gave the trust is disabled'(world, subject) {
    const { token } = await byTrust(world, subject);
    return { token, end: () => world.ask('PATCH', `/users/${subject.userId}`, { token: world.admin, body: { user: { enabled: false } } }) };
  },
  async 'who was given the trust is disabled'(world, subject) {
    const { token, trustee } = await byTrust(world, subject);
    return { token, end: () => world.ask('PATCH', `/users/${trustee}`, { token: world.admin, body: { user: { enabled: false } } }) };
  },
  async 'the key that it was got by is deleted'({ ask, admin, login, now }, subject) {
    const maker = await login(byPassword(subject), inProject(subject));
    const { access, secret } = (await ask('POST', `/users/${subject.userId}/credentials/OS-EC2`, { token: maker, body: { tenant_id: subject.projectId } })).body.credential;
    const params = { Action: 'Test', SignatureMethod: 'HmacSHA256', SignatureVersion: '2', AWSAccessKeyId: access, Timestamp: now().toISOString() };
    const canonical = Object.entries(params).toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');
    const signature = createHmac('sha256', secret).update(`GET\ncloud.example\n/\n${canonical}`).digest('base64');
    const reply = await ask('POST', '/ec2tokens', { token: admin, body: { credentials: { access, signature, host: 'cloud.example', verb: 'GET', path: '/', params } } });
    assert.equal(reply.status, 200, JSON.stringify(reply.body));
    return { token: String(reply.headers['x-subject-token']), end: () => ask('DELETE', `/users/${subject.userId}/credentials/OS-EC2/${access}`, { token: maker }) };
  },
};

async function byTrust({ ask, admin, login }: World, subject: Subject): Promise<{ token: string; trust: string; trustee: string }> {
  const { id: trustee } = (await ask('POST', '/users', { token: admin, body: { user: { name: `trustee of ${subject.name}`, domain_id: 'default', password: 'trusted' } } })).body.user;
  const wish = { trustor_user_id: subject.userId, trustee_user_id: trustee, project_id: subject.projectId, impersonation: false, roles: [{ name: 'reader' }] };
  const { id: trust } = (await ask('POST', '/OS-TRUST/trusts', { token: await login(byPassword(subject), inProject(subject)), body: { trust: wish } })).body.trust;
  return { token: await login({ methods: ['password'], password: { user: { id: trustee, password: 'trusted' } } }, { 'OS-TRUST:trust': { id: trust } }), trust, trustee };
}

test('tokens end with what they are of, in every region within a second, however well they are remembered there (ATTACKS 17)', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const two = await addRegion(t, cloud, 'two');
  const world = await worldOf(cloud);
  const isKnown = { here: (token: string) => cloud.cloud.authenticate(token), there: (token: string) => two.cloud.authenticate(token) };
  const wrong: string[] = [];
  let number = 0;
  for (const [what, ending] of Object.entries(endings)) {
    const { token, end } = await ending(world, await subjectOf(world, `subject ${++number}`));
    await until(cloud, async () => (await isKnown.there(token)) !== undefined);
    for (const where of ['here', 'there'] as const) assert.ok((await isKnown[where](token)) && (await isKnown[where](token)), `${what}: ${where} it is good, and remembered`);

    const reply = await end();
    const endedAt = performance.now();
    assert.ok(reply.status < 300, `${what}: ${reply.status} ${JSON.stringify(reply.body)}`);

    if (await isKnown.here(token)) wrong.push(`${what}: home knows it still`);
    await until(cloud, async () => (await isKnown.there(token)) === undefined);
    const tookMs = performance.now() - endedAt;
    if (tookMs >= 1_000) wrong.push(`${what}: the other region knew it for ${Math.round(tookMs)} ms`);
  }
  t.diagnostic(`${number} ways to end`);
  assert.deepEqual(wrong, []);
});

async function worldOf({ door, admin, clock }: TestCloud): Promise<World> {
  const ask: Ask = async (method, path, { token, body } = {}) => {
    const { 'x-subject-token': about, ...rest } = (body ?? {}) as Record<string, string>;
    const headers = { ...(token === undefined ? {} : { 'x-auth-token': token }), ...(about === undefined ? {} : { 'x-subject-token': about }) };
    const reply = await door.app.inject({ method, url: `/identity/v3${path}`, headers, ...(body && about === undefined ? { payload: rest } : {}) });
    return { status: reply.statusCode, headers: reply.headers, body: reply.body === '' ? undefined : JSON.parse(reply.body) };
  };
  const token = await admin.token();
  const roles = new Map<string, string>((await ask('GET', '/roles', { token })).body.roles.map(({ id, name }: { id: string; name: string }) => [name, id]));
  return {
    ask,
    admin: token,
    role: (name) => roles.get(name)!,
    now: () => clock.now(),
    async login(proof, scope) {
      const reply = await ask('POST', '/auth/tokens', { body: { auth: { identity: proof, ...(scope ? { scope } : {}) } } });
      assert.equal(reply.status, 201, JSON.stringify(reply.body));
      return String(reply.headers['x-subject-token']);
    },
  };
}

/** A user in a domain of their own, with a project there and the role of a member in it. */
async function subjectOf({ ask, admin: token, role }: World, name: string): Promise<Subject> {
  const password = `the password of ${name}`;
  const { id: domainId } = (await ask('POST', '/domains', { token, body: { domain: { name } } })).body.domain;
  const { id: projectId } = (await ask('POST', '/projects', { token, body: { project: { name: 'work', domain_id: domainId } } })).body.project;
  const { id: userId } = (await ask('POST', '/users', { token, body: { user: { name: 'someone', domain_id: domainId, password } } })).body.user;
  await ask('PUT', `/projects/${projectId}/users/${userId}/roles/${role('member')}`, { token });
  return { name, domainId, projectId, userId, password };
}
