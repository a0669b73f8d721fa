import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApi } from '../cloud.ts';
import type { Refused } from '../contract/client.ts';
import { brand } from '../contract/intercloud/brand.ts';
import { broker } from '../contract/intercloud/broker.ts';
import { virtualServices } from '../contract/virtual.ts';
import type { compute } from '../contract/compute/service.ts';
import type { ManualClock } from '../kit/clock.ts';
import { observeRegions } from '../services/broker/observing.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { addRegion } from './several-regions.ts';
import { makePartner, type Side } from './two-partners.ts';

type Test = { after(work: () => Promise<void>): void };

const refusedWith = (status: number) => (error: Refused) => error.status === status;

/** One that takes its address from what clients ask for, as a cloud does that was told no other. */
async function openDoor(t: Test, cloud: TestCloud): Promise<void> {
  const door = createApi(cloud.cloud, { rateLimit: { perSecond: 1e9, burst: 1e9 } });
  await door.app.ready();
  t.after(() => door.drain());
  for (const host of ['cloud.acme.example', 'cloud.globex.example']) cloud.doors.set(host, door);
}

async function catalogOf(cloud: TestCloud, { customer }: Side, host: string): Promise<{ regions: Set<string>; hosts: Set<string> }> {
  const reply = await cloud.fetch(`http://${host}/identity/v3/auth/catalog`, { headers: { 'x-auth-token': await customer.token() } });
  const { catalog } = (await reply.json()) as { catalog: { endpoints: { region: string; url: string }[] }[] };
  const endpoints = catalog.flatMap((service) => service.endpoints);
  return { regions: new Set(endpoints.map(({ region }) => region)), hosts: new Set(endpoints.map(({ url }) => new URL(url).host)) };
}

test('customers of two partners share a cloud and see each their own name, address and regions', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  await addRegion(t, cloud, 'north');
  await addRegion(t, cloud, 'south');
  await observeRegions(cloud.cloud.broker.parts);
  const [acme, globex] = [await makePartner(cloud, 'acme', { regions: ['RegionOne', 'north'] }), await makePartner(cloud, 'globex', { regions: ['south'] })];
  await openDoor(t, cloud);
  // Whose name is shown where is read again after some seconds.
  (cloud.clock as ManualClock).advance(6_000);

  await t.test('the catalog has the regions that are offered, at the host that was asked', async () => {
    assert.deepEqual(await catalogOf(cloud, acme, acme.host), { regions: new Set(['RegionOne', 'north', 'anywhere']), hosts: new Set([acme.host, 'north.example']) });
    assert.deepEqual(await catalogOf(cloud, globex, 'cloud.example'), { regions: new Set(['south']), hosts: new Set(['cloud.example', 'south.example']) });
    assert.deepEqual((await acme.customer.identity.regions.list()).body.regions.map(({ id }) => id).sort(), ['RegionOne', 'anywhere', 'north']);
    await assert.rejects(acme.customer.identity.regions.show({ params: { region_id: 'south' } }), refusedWith(404));
  });

  await t.test('who buys from a partner is placed where that one is, and is asked nothing elsewhere', async () => {
    const { candidates } = (await globex.customer.client(broker).candidates.list()).body;
    assert.deepEqual(candidates.map(({ region }) => region), ['south']);
    const { body } = await acme.customer.client(broker).decisions.whatIf({ body: { wish: { vcpus: 1, memory_mib: 64, disk_gib: 1 } } });
    assert.deepEqual(body.candidates.map(({ region }) => region).sort(), ['RegionOne', 'north']);
    cloud.doors.delete('south.example');
    const listed = await acme.customer.client(virtualServices[0] as typeof compute).servers.list();
    assert.equal(listed.headers.get('x-intercloud-unreachable'), null, 'a region of somebody else’s that fails is no news');
  });

  await t.test('a refusal says whom to ask, in the service’s own shape and in ours', async () => {
    const own = await cloud.fetch(`http://${acme.host}/compute/v2.1/servers/none`, { headers: { 'x-auth-token': await acme.customer.token() } });
    assert.deepEqual([own.status, own.headers.get('x-support'), Object.keys((await own.json()) as object)], [404, acme.support, ['itemNotFound']]);
    const problem = await cloud.fetch(`http://${globex.host}/compute/v2.1/servers/none`, { headers: { accept: 'application/problem+json', 'x-auth-token': await globex.customer.token() } });
    assert.equal(((await problem.json()) as { support: string }).support, globex.support);
    const nobodys = await cloud.fetch('http://cloud.example/compute/v2.1/servers/none');
    assert.equal(nobodys.headers.get('x-support'), null);
  });

  await t.test('everybody sees whose cloud it is at this host', async () => {
    const page = async (host: string) => (await (await cloud.fetch(`http://${host}/brand/v1/page`)).json()) as object;
    assert.deepEqual(await page(acme.host), { name: 'acme', support: acme.support, terms_url: 'https://acme.example/terms' });
    assert.deepEqual(await page('cloud.example'), { name: 'Intercloud', support: null, terms_url: null });
  });

  await t.test('a manager has his own domain, account and brand, and does not learn that there are others', async () => {
    const { identity, billing } = acme.manager;
    const { user } = (await identity.users.create({ body: { user: { name: 'new', domain_id: acme.domainId, password: 'new password' } } })).body;
    const { project } = (await identity.projects.create({ body: { project: { name: 'new', domain_id: acme.domainId } } })).body;
    const member = (await identity.roles.list()).body.roles.find(({ name }) => name === 'member')!.id;
    await identity.projectUserGrants.create({ params: { project_id: project.id, user_id: user.id, role_id: member } });
    assert.deepEqual((await acme.manager.client(brand).brands.list()).body.brands.map(({ name }) => name), ['acme']);
    assert.deepEqual((await billing.accounts.list()).body.accounts.map(({ name }) => name), ['acme']);
    for (const answer of [await identity.domains.list(), await identity.users.list(), await identity.projects.list(), await identity.groups.list()].map(({ body }) => JSON.stringify(body))) assert.ok(!answer.includes('globex') && !answer.includes(globex.domainId), answer);
    const elsewhere = { user: { name: 'spy', domain_id: globex.domainId, password: 'spies password' } };
    await assert.rejects(identity.users.create({ body: elsewhere }), refusedWith(403));
    await assert.rejects(identity.projectUserGrants.create({ params: { project_id: globex.customer.projectId, user_id: user.id, role_id: member } }), (error: Refused) => [403, 404].includes(error.status));
    await assert.rejects(acme.manager.client(brand).brands.show({ params: { account_id: globex.accountId } }), refusedWith(404));
    await assert.rejects(acme.manager.client(brand).brands.replace({ params: { account_id: acme.accountId }, body: { name: 'acme', support: 'x' } }), refusedWith(403));
  });

  await t.test('a host name is one account’s, and nobody sells more than he has', async () => {
    const brands = cloud.admin.client(brand).brands;
    await assert.rejects(brands.replace({ params: { account_id: globex.accountId }, body: { name: 'globex', support: globex.support, hosts: [acme.host] } }), refusedWith(409));
    await assert.rejects(brands.replace({ params: { account_id: 'nobody' }, body: { name: 'x', support: 'x' } }), refusedWith(404));
    await brands.delete({ params: { account_id: acme.accountId } });
    assert.ok((await catalogOf(cloud, acme, 'cloud.example')).regions.has('south'), 'without a brand there are all');
  });
});
