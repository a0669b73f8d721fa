/** An application credential with access rules, at every door: good for what its rules say, and for nothing else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contracts } from '../contract/contracts.ts';
import { createClient } from '../contract/client.ts';
import { identity } from '../contract/identity/service.ts';
import type { Door } from '../kit/http/serve.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { until } from './patience.ts';
import { addRegion } from './several-regions.ts';

/** Of each service, something that any member may look at. */
const looks = contracts.flatMap((service) => {
  // It takes signatures and no tokens: with a token nobody is anybody there.
  if (service.type === 's3') return [];
  const found = Object.values(service.nouns).flatMap((noun) => Object.values(noun)).find(({ method, path, access }) => method === 'GET' && !path.includes('{') && path !== '/auth/tokens' && ['user', 'reader', 'member'].includes(access.who));
  return found ? [{ type: service.type, root: service.root, where: service.where, path: `${service.path}${found.path}` }] : [];
});

test('a credential with access rules opens the door of its service, path and method, and no other door, in every region (ATTACKS 13)', async (t) => {
  assert.ok(looks.length >= 7, `${looks.length} services have something to look at`);
  const cloud = await startCloud(t, { hosts: 1 });
  const two = await addRegion(t, cloud, 'two');
  const wrong: string[] = [];
  let tried = 0;
  for (const own of looks) {
    const token = await limitedTo(cloud, { service: own.type, method: 'GET', path: own.path.slice(own.root.length) });
    for (const [where, door] of [['home', cloud.door], ['two', two.door]] as const) {
      const served = where === 'home' ? looks : looks.filter((look) => look.where === 'region');
      if (!served.includes(own)) continue;
      // A region hears of new rules within a moment.
      await until(cloud, async () => (await statusOf(door, 'GET', own.path, token)) !== 401);
      for (const look of served) {
        const status = await statusOf(door, 'GET', look.path, token);
        tried += 1;
        if ((status === 401) === (look === own)) wrong.push(`with a rule for ${own.type}, ${look.type} of ${where} answers ${status}`);
      }
      for (const [method, path] of [['POST', own.path], ['DELETE', own.path], ['GET', `${own.path}/x`]] as const) {
        const status = await statusOf(door, method, path, token);
        // What is no operation at all is not there for anybody.
        if (![401, 404, 405].includes(status)) wrong.push(`with a rule for GET ${own.path}, ${method} ${path} of ${where} answers ${status}`);
      }
    }
  }
  t.diagnostic(`${tried} doors were tried`);
  assert.deepEqual(wrong, []);
});

async function limitedTo({ alice, fetch }: TestCloud, rule: { service: string; method: 'GET'; path: string }): Promise<string> {
  const made = await alice.identity.applicationCredentials.create({ params: { user_id: alice.userId }, body: { application_credential: { name: `for ${rule.service}`, access_rules: [rule] } } });
  const { id, secret = '' } = made.body.application_credential;
  const reply = await createClient(identity, { base: 'http://cloud.example', fetch }).tokens.create({ body: { auth: { identity: { methods: ['application_credential'], application_credential: { id, secret } } } } });
  return reply.headers.get('x-subject-token') ?? '';
}

async function statusOf(door: Door, method: 'GET' | 'POST' | 'DELETE', url: string, token: string): Promise<number> {
  return (await door.app.inject({ method, url, headers: { 'x-auth-token': token, accept: 'application/json' }, ...(method === 'POST' ? { payload: {} } : {}) })).statusCode;
}
