/** What a partner does not sell is closed to his customers: at home's door, at those of further regions, and when these are alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { compute } from '../contract/compute/service.ts';
import { identity } from '../contract/identity/service.ts';
import { brand } from '../contract/intercloud/brand.ts';
import { broker } from '../contract/intercloud/broker.ts';
import { virtualServices } from '../contract/virtual.ts';
import { createClient } from '../contract/client.ts';
import { observeRegions } from '../services/broker/observing.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { until } from './patience.ts';
import { addRegion, type TestRegion } from './several-regions.ts';
import { makePartner, type Side } from './two-partners.ts';

const home = 'http://cloud.example';

test('who is not offered a region is refused at its door, in the words of each service, and the region needs nobody for that', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  await addRegion(t, cloud, 'north');
  const south = await addRegion(t, cloud, 'south');
  await observeRegions(cloud.cloud.broker.parts);
  const [acme, globex] = [await makePartner(cloud, 'acme', { regions: ['RegionOne', 'north'] }), await makePartner(cloud, 'globex', { regions: ['south'] })];
  await until(cloud, async () => (await statusAt(cloud, 'http://south.example/compute/v2.1/servers', acme.customer)) === 403 && (await statusAt(cloud, 'http://north.example/compute/v2.1/servers', globex.customer)) === 403);

  await t.test('each service says so in its own shape', async () => {
    for (const [path, key] of [['compute/v2.1/servers', 'forbidden'], ['volume/v3/volumes', 'forbidden'], ['network/v2.0/networks', 'NeutronError'], ['placement/resource_providers', 'errors']] as const) {
      const reply = await at(cloud, `http://south.example/${path}`, acme.customer);
      const text = await reply.text();
      assert.deepEqual([reply.status, Object.keys(JSON.parse(text) as object)], [403, [key]], text);
      assert.ok(!text.includes('globex') && !text.includes('south'), text);
    }
    assert.equal(await statusAt(cloud, 'http://south.example/image/v2/images', acme.customer), 403);
  });

  await t.test('what is offered works as before, and whoever runs the cloud is everywhere', async () => {
    for (const where of [home, 'http://north.example', `${home}/virtual/anywhere`]) assert.equal(await statusAt(cloud, `${where}/compute/v2.1/servers`, acme.customer), 200, where);
    assert.equal(await statusAt(cloud, 'http://south.example/compute/v2.1/servers', globex.customer), 200);
    for (const where of [home, 'http://north.example', 'http://south.example', `${home}/virtual/anywhere`]) assert.equal(await statusAt(cloud, `${where}/compute/v2.1/servers`, cloud.admin), 200, where);
  });

  await t.test('at home’s door only identity and the cloud’s own services are everybody’s', async () => {
    for (const service of ['compute/v2.1/servers', 'virtual/anywhere/compute/v2.1/servers']) assert.equal(await statusAt(cloud, `${home}/${service}`, globex.customer), 403, service);
    assert.equal(await statusAt(cloud, `${home}/identity/v3/auth/catalog`, globex.customer), 200);
    assert.equal(await statusAt(cloud, `${home}/broker/v1/decisions`, globex.customer), 200);
  });

  await t.test('the policy of the whole cloud tells nobody of a region that he is not offered', async () => {
    const limits = { regions: ['RegionOne', 'north', 'south'] };
    await cloud.admin.client(broker).defaultPolicy.replace({ body: { policy: { limits, preferences: {} } } });
    const whatIf = async ({ customer }: Side) => JSON.stringify((await customer.client(broker).decisions.whatIf({ body: { wish: { vcpus: 1, memory_mib: 64, disk_gib: 1 } } })).body);
    assert.ok(!/north|RegionOne|acme/.test(await whatIf(globex)) && !/south|globex/.test(await whatIf(acme)));
    await assert.rejects(acme.customer.client(virtualServices[0] as typeof compute).servers.create({ body: { server: { name: 'much', flavorRef: (await acme.customer.compute.flavors.list()).body.flavors[0]!.id, imageRef: cloud.imageId, networks: [], availability_zone: 'south' } } as never }), { status: 400 });
    await acme.customer.client(virtualServices[0] as typeof compute).servers.create({ body: { server: { name: 'one', flavorRef: (await acme.customer.compute.flavors.list()).body.flavors[0]!.id, imageRef: cloud.imageId, networks: [] } } as never });
    const { decisions } = (await acme.customer.client(broker).decisions.list()).body;
    assert.ok(decisions.length > 0 && !/south|globex/.test(JSON.stringify(decisions)), JSON.stringify(decisions));
    assert.deepEqual((await globex.customer.client(broker).policy.show()).body.policy.limits.regions, ['south']);
    assert.deepEqual((await acme.customer.client(broker).policy.show()).body.policy.limits.regions, ['RegionOne', 'north']);
  });

  await t.test('a further region answers under the name of whoever sells it', async () => {
    const reply = await south.door.app.inject({ method: 'GET', url: '/compute/v2.1/servers/none', headers: { host: globex.host, 'x-auth-token': await globex.customer.token() } });
    assert.deepEqual([reply.statusCode, reply.headers['x-support']], [404, globex.support]);
  });

  await t.test('a region that is cut off and begins anew keeps to it, and hears of a change when home is back', async () => {
    const [refused, served] = [await acme.customer.token(), await globex.customer.token()];
    south.cutOff();
    const brands = cloud.admin.client(brand).brands;
    await brands.replace({ params: { account_id: acme.accountId }, body: { name: 'acme', support: acme.support, regions: ['RegionOne', 'north', 'south'] } });
    const again = south.open();
    t.after(async () => {
      await again.cloud.stop();
      await again.close();
    });
    const starting = again.cloud.start();
    let started = false;
    void starting.finally(() => (started = true));
    await until(cloud, () => Promise.resolve(started));
    await starting;
    const asked = { service: 'compute', root: '/compute', method: 'GET', path: '/compute/v2.1/servers' };
    await assert.rejects(async () => again.cloud.authenticate(refused, asked), { status: 403 });
    assert.equal((await again.cloud.authenticate(served, asked))?.userId, globex.customer.userId);
    south.comeBack();
    await until(cloud, async () => (await statusAt(cloud, 'http://south.example/compute/v2.1/servers', acme.customer)) === 200);
  });
});

test('what a program’s credential is good for is known in further regions too, at once and when they are alone', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const two = await addRegion(t, cloud, 'two');
  const rules = [{ service: 'compute', method: 'GET' as const, path: '/v2.1/servers' }];
  const made = (await cloud.alice.identity.applicationCredentials.create({ params: { user_id: cloud.alice.userId }, body: { application_credential: { name: 'lists', secret: 'a long secret', access_rules: rules } } })).body.application_credential;
  const login = await createClient(identity, { base: home, fetch: cloud.fetch }).tokens.create({ body: { auth: { identity: { methods: ['application_credential'], application_credential: { id: made.id, secret: 'a long secret' } } } } });
  const program = { token: () => Promise.resolve(login.headers.get('x-subject-token') ?? '') };
  const status = (region: TestRegion, path: string) => statusAt(cloud, `http://${region.name}.example/${path}`, program);

  assert.equal(await status(two, 'compute/v2.1/servers'), 200, 'whoever is quicker than the news waits for them');
  assert.equal(await status(two, 'compute/v2.1/flavors'), 401);
  assert.equal(await status(two, 'network/v2.0/networks'), 401);
  two.cutOff();
  cloud.doors.set('two.example', two.door);
  assert.equal(await status(two, 'compute/v2.1/servers'), 200);
  assert.equal(await status(two, 'compute/v2.1/flavors'), 401);
});

function at(cloud: TestCloud, address: string, person: Pick<Person, 'token'>): Promise<Response> {
  return person.token().then((token) => cloud.fetch(address, { headers: { 'x-auth-token': token } }));
}

async function statusAt(cloud: TestCloud, address: string, person: Pick<Person, 'token'>): Promise<number> {
  return (await at(cloud, address, person)).status;
}
