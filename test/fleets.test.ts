import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../contract/client.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { broker } from '../contract/intercloud/broker.ts';
import type { ManualClock } from '../kit/clock.ts';
import { keepFleets } from '../services/broker/fleet-keeping.ts';
import { observeRegions, settleDecisions } from '../services/broker/observing.ts';
import { observeHosts } from '../services/placement/placement.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

type Test = { after(work: () => Promise<void>): void };

/** A home of four processors, a partner of thirty-two, and a price for each. */
async function start(t: Test): Promise<{ cloud: TestCloud; partner: TestRegion; fleets: Client<typeof broker>['fleets']; keep(rounds?: number): Promise<void>; wait(seconds: number): Promise<void>; kinds(id: string): Promise<Record<string, number>> }> {
  const cloud = await startCloud(t, { hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const partner = await addRegion(t, cloud, 'partner', { driver: 'openstack' });
  await sell(cloud);
  const { parts } = cloud.cloud.broker;
  const { fleets } = cloud.alice.client(broker);
  const keep = async (rounds = 3) => {
    for (let round = 0; round < rounds; round++) {
      await observeRegions(parts);
      await keepFleets(parts, new AbortController().signal);
      await cloud.settle();
      await partner.settle();
      await settleDecisions(parts);
    }
    await observeRegions(parts);
  };
  return {
    cloud,
    partner,
    fleets,
    keep,
    async wait(seconds) {
      (cloud.clock as ManualClock).advance(seconds * 1000);
      // Hosts say that they are still there.
      await Promise.all([observeHosts(cloud.cloud.region), observeHosts(partner.cloud.region)]);
      await keep(1);
    },
    async kinds(id) {
      const { fleet } = (await fleets.show({ params: { fleet_id: id } })).body;
      const counts: Record<string, number> = {};
      for (const { kind, state } of fleet.machines) counts[`${kind} ${state}`] = (counts[`${kind} ${state}`] ?? 0) + 1;
      return counts;
    },
  };
}

/** One unit of money for a machine and hour, at home and at the partner's. */
async function sell({ admin }: TestCloud): Promise<void> {
  const till = admin.client(billing);
  const { id: bookId } = (await till.books.create({ body: { name: 'prices', currency: 'EUR', entries: [{ id: 'machine', resource: 'server', measure: 'servers', price: '1' }] } })).body;
  const { id: accountId } = (await till.accounts.create({ body: { name: 'customer' } })).body;
  await till.accounts.addDomain({ params: { account_id: accountId, domain_id: 'default' } });
  await till.accounts.setBook({ params: { account_id: accountId }, body: { book_id: bookId } });
}

async function machine({ alice, imageId }: TestCloud) {
  const { flavors } = (await alice.compute.flavors.list()).body;
  return { flavor: flavors[0]!.id, image: imageId, networks: [] };
}

test('a fleet fills its home first, bursts to the partner, comes home when there is room, and leaves nothing', async (t) => {
  const { cloud, partner, fleets, keep, wait, kinds } = await start(t);
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 6, machine: await machine(cloud), burst: { home_after_seconds: 60 } } } })).body;
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 2 });

  await fleets.update({ params: { fleet_id: fleet.id }, body: { fleet: { size: 4 } } });
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4 }, 'what is at the partner goes first');

  await fleets.update({ params: { fleet_id: fleet.id }, body: { fleet: { size: 5 } } });
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 1 });
  const own = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet.machines.find(({ kind }) => kind === 'own');
  await cloud.alice.compute.servers.delete({ params: { server_id: own!.server_id! } });
  await cloud.settle(); // its place at home is free before the fleet is looked at: else the next one is lent
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 1 }, 'a machine that is gone is made again, at home');

  await cloud.admin.compute.quotaSets.update({ params: { tenant_id: cloud.alice.projectId }, body: { quota_set: { instances: 100 } } as never });
  await fleets.update({ params: { fleet_id: fleet.id }, body: { fleet: { size: 4, burst: { home_after_seconds: 60 } } } });
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4 });

  await fleets.delete({ params: { fleet_id: fleet.id } });
  await keep(4);
  await wait(1);
  assert.deepEqual((await fleets.list()).body.fleets, []);
  assert.deepEqual(await partner.driver.servers.list(), []);
  assert.deepEqual(await cloud.diagnose(), []);
  assert.deepEqual(await partner.diagnose(), []);
});

test('room at home must have lasted before a machine comes back, and it is up at home before the other one goes', async (t) => {
  const { cloud, fleets, keep, wait, kinds } = await start(t);
  const blocker = (await cloud.alice.compute.servers.create({ body: { server: { name: 'blocker', flavorRef: (await machine(cloud)).flavor, imageRef: cloud.imageId, networks: [] } } as never })).body as { server: { id: string } };
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 4, machine: await machine(cloud), burst: { home_after_seconds: 120 } } } })).body;
  await cloud.settle();
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 3, 'partner running': 1 });

  await cloud.alice.compute.servers.delete({ params: { server_id: blocker.server.id } });
  await cloud.settle();
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 3, 'partner running': 1 }, 'what comes and goes is not worth a move');
  await wait(121);
  await keep(1);
  const during = await kinds(fleet.id);
  assert.ok((during['own running'] ?? 0) + (during['partner running'] ?? 0) >= 4, 'never fewer than there should be');
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4 });
});

test('a burst costs no more in an hour than its budget, says so, and ends when its loss is reached', async (t) => {
  const { cloud, fleets, keep, wait, kinds } = await start(t);
  const burst = { hourly_at_most: '2', stop_loss: '3' };
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 8, machine: await machine(cloud), burst } } })).body;
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 2 });
  const { obstacle, burst_spent: spent } = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet;
  assert.equal(obstacle, 'Bursting would cost more than its budget.');
  assert.equal(spent.currency, 'EUR');

  await wait(3600);
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 2 });
  await wait(3600);
  await keep();
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4 });
  assert.ok(Number((await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet.burst_spent.amount) >= 3);
});

test('no machine stays at a partner longer than it may', async (t) => {
  const { cloud, fleets, keep, wait, kinds } = await start(t);
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 5, machine: await machine(cloud), burst: { longest_seconds: 600 } } } })).body;
  await keep();
  const first = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet.machines.find(({ kind }) => kind === 'partner')?.server_id;
  assert.deepEqual(await kinds(fleet.id), { 'own running': 4, 'partner running': 1 });
  await wait(601);
  await keep();
  const second = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet.machines.find(({ kind }) => kind === 'partner')?.server_id;
  assert.notEqual(second, first);
});

test('a fleet without leave to burst stays at home, and is nobody else’s to see', async (t) => {
  const { cloud, fleets, keep, kinds } = await start(t);
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 6, machine: await machine(cloud) } } })).body;
  await keep();

  assert.deepEqual(await kinds(fleet.id), { 'own running': 4 });
  assert.deepEqual((await cloud.bob.client(broker).fleets.list()).body.fleets, []);
  await assert.rejects(cloud.bob.client(broker).fleets.show({ params: { fleet_id: fleet.id } }), { status: 404 });
});

test('a fleet acts with the rights that its owner has now', async (t) => {
  const { cloud, fleets, keep } = await start(t);
  await fleets.create({ body: { fleet: { name: 'web', size: 2, machine: await machine(cloud) } } });
  await keep();
  const member = (await cloud.admin.identity.roles.list({ query: { name: 'member' } })).body.roles[0]!.id;
  await cloud.admin.identity.projectUserGrants.revoke({ params: { project_id: cloud.alice.projectId, user_id: cloud.alice.userId, role_id: member } });
  await cloud.cloud.broker.parts.database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`update broker.fleet set size = 4`);
  await keep();

  assert.deepEqual(await kindsInDatabase(cloud), { running: 2 });
});

async function kindsInDatabase(cloud: TestCloud): Promise<Record<string, number>> {
  const rows = await cloud.cloud.broker.parts.database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows<{ state: string; count: number }>`select state, count(*)::int as count from broker.fleet_machine group by state`);
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
}
