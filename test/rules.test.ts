/** An operator's rules in the place of those that the services come with. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createApi } from '../cloud.ts';
import type { Rules } from '../kit/policy/policy.ts';
import { identity } from '../contract/identity/service.ts';
import { bodyFor } from './bodies.ts';
import { startCloud, type Person } from './cloud.ts';
import { everyOperation } from './operations.ts';
import { preparations } from './preparations.ts';
import { ask } from './requests.ts';
import { paramsFor, thingsOf } from './things.ts';

async function withRules(t: TestContext, rules: Rules) {
  const cloud = await startCloud(t);
  const door = createApi(cloud.cloud, { rules, publicUrl: 'http://cloud.example' });
  t.after(() => door.drain());
  const ask = async (person: Person, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) => {
    const reply = await door.app.inject({ method, url, headers: { 'x-auth-token': await person.token() }, ...(payload ? { payload } : {}) });
    return { status: reply.statusCode, body: reply.body === '' ? undefined : JSON.parse(reply.body) };
  };
  return { ...cloud, ask };
}

test('what an operator allows is allowed, and what they forbid is forbidden, to administrators too', async (t) => {
  const { alice, bob, admin, reader, ask } = await withRules(t, {
    'identity:get_user': 'user_id:%(target.user.id)s or role:admin or role:member',
    'identity:create_region': 'role:member',
    create_network: 'role:reader and not role:member',
    'os_compute_api:os-hypervisors:list': '!',
  });

  assert.equal((await ask(alice, 'GET', `/identity/v3/users/${bob.userId}`)).status, 200);
  assert.equal((await ask(reader, 'GET', `/identity/v3/users/${bob.userId}`)).status, 403);
  assert.equal((await ask(alice, 'POST', '/identity/v3/regions', { region: { id: 'alices' } })).status, 201);
  assert.equal((await ask(reader, 'POST', '/identity/v3/regions', { region: { id: 'readers' } })).status, 403);
  const refused = await ask(alice, 'POST', '/network/v2.0/networks', { network: { name: 'n' } });
  assert.deepEqual([refused.status, JSON.stringify(refused.body).includes('create_network')], [403, true]);
  assert.equal((await ask(reader, 'POST', '/network/v2.0/networks', { network: { name: 'n' } })).status, 201);
  assert.equal((await ask(admin, 'GET', '/compute/v2.1/os-hypervisors')).status, 403);
});

test('whatever the rules say, another project is reached by nobody but who may reach every project (ATTACKS 33)', async (t) => {
  const { alice, bob, ask } = await withRules(t, { get_network: '', delete_network: '@' });
  const { id } = (await alice.network.networks.create({ body: { network: { name: 'n' } } })).body.network ?? {};

  assert.equal((await ask(bob, 'GET', `/network/v2.0/networks/${id}`)).status, 404);
  assert.equal((await ask(bob, 'DELETE', `/network/v2.0/networks/${id}`)).status, 404);
  assert.equal((await ask(alice, 'GET', `/network/v2.0/networks/${id}`)).status, 200);
});

test('no operation of identity goes by anything but the rules: who forbids all of them forbids every operation', async (t) => {
  const operations = everyOperation().filter(({ service, operation }) => service.type === 'identity' && operation.access.who !== 'anyone');
  const names = [...Object.keys(identity.policy).filter((rule) => rule.startsWith('identity:')), ...operations.map(({ operation }) => operation.access.rule)];
  const test = await startCloud(t);
  const door = createApi(test.cloud, { rules: Object.fromEntries(names.map((rule) => [rule, '!'])), publicUrl: 'http://cloud.example' });
  t.after(() => door.drain());
  const things = thingsOf(test, { owner: test.admin });
  const wrong: string[] = [];
  let tried = 0;
  for (const promised of operations) {
    const { id, operation } = promised;
    const own = preparations[id];
    const request = { params: await paramsFor(promised, things), body: own?.body ? await own.body(test, things) : await bodyFor(promised, things), ...(own?.headers ? { headers: await own.headers(test) } : {}) };
    const { status } = await ask({ ...test, door }, test.admin, promised, request);
    tried += 1;
    if (status !== 403) wrong.push(`${id} (${operation.access.rule}): ${status}`);
  }
  t.diagnostic(`${tried} operations were tried`);
  assert.ok(tried > 150);
  assert.deepEqual(wrong, []);
});

test('a rule that cannot be understood keeps the API from starting', async (t) => {
  const { cloud } = await startCloud(t);

  assert.throws(() => createApi(cloud, { rules: { create_network: 'role:member or' } }), /the rule create_network: "role:member or" ends too early/);
});
