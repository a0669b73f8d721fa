/**
 * A cloud of two regions and a partner, in which everything goes wrong that goes wrong between owners: answers are lost after
 * the work was done, requests arrive twice, the partner is away for an hour, machines die, a region is cut off while the quota is
 * nearly used up. From one seed the same faults come in the same order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { broker } from '../../contract/intercloud/broker.ts';
import type { ManualClock } from '../../kit/clock.ts';
import type { Door } from '../../kit/http/serve.ts';
import { keepFleets } from '../../services/broker/fleet-keeping.ts';
import { observeRegions, settleDecisions } from '../../services/broker/observing.ts';
import { observeHosts } from '../../services/placement/placement.ts';
import { quotaUsage } from '../../services/quota/quotas.ts';
import { dice, type Dice } from '../bad-values.ts';
import { startCloud, type TestCloud } from '../cloud.ts';
import { addRegion, type TestRegion } from '../several-regions.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);
const rounds = 14;
const mostServers = 9;
const fleetSize = 8;

test(`between owners nothing leaks, is paid twice or passes the quota, whatever goes wrong (seed ${seed})`, async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const two = await addRegion(t, cloud, 'two', { hostShape: { vcpus: 1, memoryMiB: 8192, diskGiB: 100 } });
  const partner = await addRegion(t, cloud, 'partner', { driver: 'openstack' });
  const roll = dice(seed);
  const link = troubledLink(cloud, partner, roll);
  const { parts } = cloud.cloud.broker;
  const { fleets } = cloud.alice.client(broker);
  await cloud.admin.compute.quotaSets.update({ params: { tenant_id: cloud.alice.projectId }, body: { quota_set: { instances: mostServers, cores: 100, ram: -1 } } as never });
  const { flavors } = (await cloud.alice.compute.flavors.list()).body;
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: fleetSize, machine: { flavor: flavors[0]!.id, image: cloud.imageId, networks: [] }, burst: { home_after_seconds: 30 } } } })).body;
  const faults: string[] = [];

  const turn = async (seconds: number) => {
    (cloud.clock as ManualClock).advance(seconds * 1000);
    for (const region of [cloud.cloud.region, two.cloud.region, partner.cloud.region]) await observeHosts(region);
    await observeRegions(parts);
    await keepFleets(parts, new AbortController().signal);
    for (const each of [cloud, two, partner]) await each.settle();
    await settleDecisions(parts);
    assert.ok((await used(cloud, [two, partner])) <= mostServers, `${await used(cloud, [two, partner])} servers are counted, and ${mostServers} may be (${faults.join(', ')})`);
  };
  for (let round = 0; round < rounds; round++) {
    const fault = ['lost answer', 'twice', 'an hour away', 'a machine dies', 'cut off', 'calm'][roll(6)]!;
    faults.push(fault);
    if (fault === 'lost answer') link.lose = 1 + roll(2);
    if (fault === 'twice') link.repeat = 1 + roll(3);
    if (fault === 'a machine dies') await killOne(partner, roll);
    if (fault === 'cut off') two.cutOff();
    if (fault === 'an hour away') {
      partner.cutOff();
      await turn(3600);
      partner.comeBack();
      link.open();
    }
    await turn(10 + roll(60));
    if (fault === 'cut off') two.comeBack();
    link.lose = 0;
    link.repeat = 0;
  }
  t.diagnostic(faults.join(', '));

  for (let round = 0; round < 6; round++) await turn(65);
  const now = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet;
  assert.equal(now.running, fleetSize, `after the storm all are up again: ${now.obstacle ?? ''}`);
  await fleets.delete({ params: { fleet_id: fleet.id } });
  for (let round = 0; round < 5; round++) await turn(65);

  assert.deepEqual((await fleets.list()).body.fleets, []);
  for (const { driver } of [cloud, two, partner]) assert.deepEqual(await driver.servers.list(), [], 'no machine is left anywhere');
  assert.equal(await used(cloud, [two, partner]), 0);
  assert.deepEqual([...(await cloud.diagnose()), ...(await two.diagnose()), ...(await partner.diagnose())], []);
  const open = (await cloud.alice.client(broker).decisions.list({ query: { limit: 1000 } })).body.decisions.filter(({ state, succeeded }) => succeeded === null && state !== 'refused');
  assert.deepEqual(open, [], 'of every decision it is known what became of it');
});

/** What all regions together count for the project. */
async function used(cloud: TestCloud, others: readonly TestRegion[]): Promise<number> {
  const counts = await Promise.all([cloud.cloud, ...others.map((each) => each.cloud)].map(({ region: { database } }) => database.read({ kind: 'system', reason: 'the test counts' }, (tx) => quotaUsage(tx, cloud.alice.projectId, ['compute.instances']))));
  return counts.reduce((sum, each) => sum + (each['compute.instances']?.used ?? 0), 0);
}

async function killOne({ driver }: TestRegion, roll: Dice): Promise<void> {
  const machines = (await driver.servers.list()).filter(({ power }) => power === 'running');
  if (machines.length > 0) driver.simulation.crash(machines[roll(machines.length)]!.id);
}

/** Between us and the partner: it does what it is asked, and its answer gets lost; or it is asked twice. */
function troubledLink(cloud: TestCloud, { door }: TestRegion, roll: Dice): { lose: number; repeat: number; open(): void } {
  const link = { lose: 0, repeat: 0, open: () => void cloud.doors.set('partner.example', troubled) };
  const inject = async (request: { method: string; url: string }) => {
    const changes = request.method === 'POST' || request.method === 'DELETE';
    if (changes && link.repeat > 0) {
      link.repeat -= 1;
      await door.app.inject(request as never);
    }
    const reply = await door.app.inject(request as never);
    if (changes && link.lose > 0 && roll(2) === 0) {
      link.lose -= 1;
      throw new TypeError('fetch failed: the connection was cut');
    }
    return reply;
  };
  const app = new Proxy(door.app, { get: (target, name) => (name === 'inject' ? inject : (Reflect.get(target, name) as unknown)) });
  const troubled: Door = { ...door, app };
  link.open();
  return link;
}
