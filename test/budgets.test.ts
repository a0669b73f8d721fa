/** What an account means to spend bounds what is made for it, in every region, at the partner's, and whoever is cut off from whom. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Refused } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import { image as images } from '../contract/image/service.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { broker } from '../contract/intercloud/broker.ts';
import type { ManualClock } from '../kit/clock.ts';
import { countBudgets } from '../services/billing/budgets.ts';
import { keepFleets } from '../services/broker/fleet-keeping.ts';
import { observeRegions } from '../services/broker/observing.ts';
import { leasesOf } from '../services/federation/leases.ts';
import { meterEvents } from '../services/meter/meters.ts';
import { uploadUsage } from '../services/meter/upload.ts';
import { usageLink } from '../services/metering/metering.ts';
import { claimSpending } from '../services/quota/budgets.ts';
import { listHeld } from '../services/quota/leases.ts';
import { keepBudgets } from '../services/region/stop-loss.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { observeHosts } from '../services/placement/placement.ts';
import type { RegionCloud } from '../cloud.ts';
import { dice } from './bad-values.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { inTime, until } from './patience.ts';
import { addRegion, type TestRegion } from './several-regions.ts';
import { makePartner, type Side } from './two-partners.ts';

const scope = { kind: 'system', reason: 'the test looks' } as const;
const seed = Number(process.env['TEST_SEED'] ?? 20_260_103);
const euro = 1_000_000_000n;
/** The longest month: what is made now must be payable for all of the next one. */
const monthOfOne = 744n;

type Entry = { id: string; resource: 'server' | 'volume' | 'volume_backup' | 'image' | 'container'; measure: string; price: string };
type Test = { after(work: () => Promise<void>): void };

test('a budget is one over all regions: what is made must be payable to the end of the next month, and is counted wherever it is', async (t) => {
  const { cloud, acme, two } = await start(t);
  await budget(cloud, acme, { amount: String(3n * monthOfOne), regions: [two] });
  const [here, there] = [await maker(acme), await maker(acme, 'http://two.example')];

  const made = await here('a');
  await here('b');
  await there('c');
  const refused = (error: Refused) => error.status === 403 && JSON.stringify(error.body).includes('What may be spent this month does not suffice');
  await assert.rejects(here('d'), refused);
  await assert.rejects(there('d'), refused);
  await assert.rejects(acme.customer.volume.volumes.create({ body: { volume: { size: 1 } } as never }), refused);

  await cloud.settle();
  await acme.customer.compute.servers.delete({ params: { server_id: made } });
  await cloud.settle();
  await keepBudgets(cloud.cloud.region);
  await there('d');
  await demandWithin(cloud, [cloud.cloud, two.cloud], 3n * monthOfOne * euro);
  assert.deepEqual([...(await cloud.diagnose()), ...(await two.diagnose())].filter((each) => /\b(L1|I15)\b/.test(each)), []);
});

test('an account’s budget bounds what its fleet bursts', async (t) => {
  const { cloud, acme } = await start(t, { hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const partner = await addRegion(t, cloud, 'partner', { driver: 'openstack' });
  await budget(cloud, acme, { amount: String(5n * monthOfOne), regions: [partner] });
  const { parts } = cloud.cloud.broker;
  const { fleets } = acme.customer.client(broker);
  const { flavors } = (await cloud.alice.compute.flavors.list()).body;
  const { fleet } = (await fleets.create({ body: { fleet: { name: 'web', size: 8, machine: { flavor: flavors[0]!.id, image: cloud.imageId, networks: [] }, burst: {} } } })).body;

  for (let round = 0; round < 3; round++) {
    await observeRegions(parts);
    await keepFleets(parts, new AbortController().signal);
    await cloud.settle();
    await partner.settle();
  }

  const { machines, obstacle } = (await fleets.show({ params: { fleet_id: fleet.id } })).body.fleet;
  assert.equal(machines.filter(({ state }) => state === 'running').length, 5, `${machines.length}, ${obstacle}`);
  assert.match(String(obstacle), /What may be spent this month does not suffice/);
});

test('with stop-loss what runs ends before the money does, also in a region that is cut off, and no invoice is higher', async (t) => {
  const { cloud, acme, two } = await start(t, { price: '2' });
  await budget(cloud, acme, { amount: '5', stop_loss: true, regions: [two] });
  const [here, there] = [await maker(acme), await maker(acme, 'http://two.example')];
  for (const name of ['a', 'b']) await there(name);
  await two.settle();
  two.cutOff();
  cloud.doors.set('two.example', two.door);

  // Home waits a moment for who holds the rest.
  await assert.rejects(inTime(cloud, here('c')), { status: 403 });
  const lived: number[] = [];
  for (let minutes = 0; minutes < 180 && lived.at(-1) !== 0; minutes += 4) {
    (cloud.clock as ManualClock).advance(240_000);
    await Promise.all([observeHosts(cloud.cloud.region), observeHosts(two.cloud.region)]);
    await keepBudgets(two.cloud.region);
    await two.settle();
    lived.push((await two.driver.servers.list()).length);
  }

  assert.deepEqual([lived.at(0), lived.at(-1)], [2, 0], lived.join());
  two.comeBack();
  await meterEvents(two.cloud.region);
  await uploadUsage({ database: two.cloud.region.database, region: 'two', link: usageLink(cloud.cloud.home) });
  await countBudgets(cloud.cloud.home);
  const [shown] = (await acme.manager.billing.budgets.list()).body.budgets;
  assert.ok(Number(shown?.spent) <= 5 && Number(shown?.spent) > 4, String(shown?.spent));
});

test(`whoever is cut off from whom, and whatever answer is lost, all regions together never promise more than a budget has (seed ${seed})`, async (t) => {
  const { cloud, acme, two } = await start(t);
  const three = await addRegion(t, cloud, 'three');
  const hours = 60n * monthOfOne;
  await budget(cloud, acme, { amount: String(hours), regions: [two, three] });
  const timer = setInterval(() => (cloud.clock as ManualClock).advance(100), 5);
  t.after(async () => clearInterval(timer));
  const roll = dice(seed);
  const places = [cloud.cloud, two.cloud, three.cloud];
  let [claimed, refused] = [0, 0];
  for (let round = 0; round < 40; round++) {
    for (const each of [two, three]) {
      if (roll(3) === 0) each.cutOff();
      else each.comeBack();
      const losing = roll(3) === 0;
      each.loseAnswers(() => losing && roll(2) === 0);
    }
    await Promise.all(
      Array.from({ length: 5 }, async () => {
        if (await tryClaim(places[roll(places.length)]!, acme.customer, cloud, 1 + roll(2))) claimed += 1;
        else refused += 1;
      }),
    );
    await demandWithin(cloud, places, hours * euro);
  }
  t.diagnostic(`${claimed} claims fitted and ${refused} did not`);
  // How many of each depends on who comes first.
  assert.ok(claimed > 15 && refused > 15, `${claimed} claims fitted and ${refused} did not`);
});

test('the bytes of an image, a backup and what lies in containers are promised before they are there, and counted when they are', async (t) => {
  const measured = [['image', 'MiB'], ['volume_backup', 'GiB'], ['container', 'MiB']] as const;
  const { cloud, acme } = await start(t, { entries: measured.map(([resource, measure]) => ({ id: resource.replace('_', '-'), resource, measure, price: '1' })) });
  await budget(cloud, acme, { amount: String(3n * monthOfOne), regions: [] });
  const { image, volume, objectStore } = acme.customer;
  const { body: { volume: { id: volume_id } } } = await volume.volumes.create({ body: { volume: { size: 1 } } });
  await cloud.settle();
  const account = `AUTH_${acme.customer.projectId}`;
  const makes: Record<string, (name: string) => Promise<unknown>> = {
    async image(name) {
      const { id } = (await image.images.create({ body: { name, disk_format: 'qcow2', container_format: 'bare' } })).body;
      await image.imageData.upload({ params: { image_id: id ?? '' }, body: soundQcow2() as never });
    },
    backup: (name) => volume.backups.create({ body: { backup: { volume_id, name } } }),
    object: (name) => objectStore.objects.put({ params: { account, container: 'kept', object: name }, body: Buffer.alloc(2 ** 20) as never }),
  };
  await objectStore.containers.put({ params: { account, container: 'kept' } });
  const refusals = async (name: string, kinds = Object.keys(makes)) => {
    for (const kind of kinds) await assert.rejects(makes[kind]!(name), { status: 403 }, `${kind} ${name}`);
  };

  for (const make of Object.values(makes)) await make('first');
  await refusals('before it is counted', ['image', 'object']);
  const count = async () => {
    // The counts of containers are folded every five seconds.
    await cloud.settle();
    (cloud.clock as ManualClock).advance(10_000);
    await cloud.settle();
    await keepBudgets(cloud.cloud.region);
  };
  await count();
  await refusals('when it is counted');

  await objectStore.objects.delete({ params: { account, container: 'kept', object: 'first' } });
  await count();
  await makes['object']!('second');
  await demandWithin(cloud, [cloud.cloud], 3n * monthOfOne * euro);
});

async function start(t: Test, { price = '1', entries: given, ...shape }: { price?: string; entries?: readonly Entry[]; hosts?: number; hostShape?: { vcpus: number; memoryMiB: number; diskGiB: number } } = {}): Promise<{ cloud: TestCloud; acme: Side; two: TestRegion }> {
  const cloud = await startCloud(t, shape);
  const acme = await makePartner(cloud, 'acme', { regions: ['RegionOne', 'two', 'three', 'partner'] });
  const two = shape.hosts === undefined ? await addRegion(t, cloud, 'two') : (undefined as unknown as TestRegion);
  const till = cloud.admin.client(billing);
  const entries: Entry[] = given ? [...given] : [{ id: 'machine', resource: 'server', measure: 'servers', price }, { id: 'volume', resource: 'volume', measure: 'volumes', price }];
  const { id: bookId } = (await till.books.create({ body: { name: 'prices', currency: 'EUR', entries } })).body;
  await till.accounts.setBook({ params: { account_id: acme.accountId }, body: { book_id: bookId } });
  return { cloud, acme, two };
}

/** All regions know of it when this resolves. */
async function budget(cloud: TestCloud, { manager }: Side, { regions, ...body }: { amount: string; stop_loss?: boolean; regions: TestRegion[] }): Promise<void> {
  const { id } = (await manager.billing.budgets.create({ body: { name: 'all', currency: 'EUR', ...body } })).body;
  const knows = ({ region }: RegionCloud) => region.database.read(scope, async (tx) => (await tx.one`select from quota.budget where id = ${id}`) !== undefined);
  for (const each of [cloud.cloud, ...regions.map((one) => one.cloud)]) await until(cloud, () => knows(each));
}

/** Makes machines at this address of a region. */
async function maker({ customer }: Side, base?: string): Promise<(name: string) => Promise<string>> {
  const [servers, { flavors }] = [customer.client(compute, base).servers, (await customer.client(compute, base).flavors.list()).body];
  const [image] = (await customer.client(images, base).images.list()).body.images;
  return async (name) => ((await servers.create({ body: { server: { name, flavorRef: flavors[0]!.id, imageRef: image!.id, networks: [] } } as never })).body as { server: { id: string } }).server.id;
}

async function tryClaim({ region: { database } }: RegionCloud, { projectId }: Person, { clock }: TestCloud, count: number): Promise<boolean> {
  const thing = { resource: 'server', flavor: 'any', state: 'ACTIVE', measures: { servers: count } };
  try {
    await database.transaction(scope, (tx) => claimSpending(tx, { now: clock.now(), projectId, domainId: null, thing }));
    return true;
  } catch (error) {
    assert.equal((error as { status?: number }).status, 403, String(error));
    return false;
  }
}

/** Of each month: what is used is within what is held, what is held within what home believes, and that within the budget. */
async function demandWithin(cloud: TestCloud, places: readonly RegionCloud[], limit: bigint): Promise<void> {
  const believed = new Map<string, bigint>();
  for (const { region } of places) {
    const here = (await region.database.read(scope, listHeld)).filter(({ kind }) => kind === 'budget:eur');
    const atHome = await cloud.cloud.home.database.read(scope, (tx) => leasesOf(tx, region.region));
    for (const { subject, amount, used } of here) {
      const lent = atHome.find((each) => each.kind === 'budget:eur' && each.subject === subject)?.amount ?? 0n;
      assert.ok(used <= amount && amount <= lent, `${region.region} uses ${used} of ${amount} of ${subject}, and home believes ${lent}`);
      believed.set(subject, (believed.get(subject) ?? 0n) + lent);
    }
  }
  for (const [subject, lent] of believed) assert.ok(lent <= limit, `regions hold ${lent} of ${subject}, which has ${limit}`);
}
