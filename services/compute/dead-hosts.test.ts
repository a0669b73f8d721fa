import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from '../../kit/clock.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { listDeadHosts, mostDead } from '../placement/dead-hosts.ts';
import { listHosts, noteGone } from '../placement/hosts.ts';
import { leaveDeadHosts } from './dead-hosts.ts';

const scope = { kind: 'system', reason: 'test' } as const;

test('servers that are to be highly available leave a dead host by themselves, and others wait for it', async (t) => {
  const clock = manualClock(new Date());
  const cloud = await startCloud(t, { clock });
  const first = (await hostsOf(cloud))[0]!;
  const [asks, flavored, plain, off, refuses] = [
    await make(cloud, first.hostname, { metadata: { HA_Enabled: 'True' } }),
    await make(cloud, first.hostname, { flavorRef: await availableFlavor(cloud) }),
    await make(cloud, first.hostname, {}),
    await make(cloud, first.hostname, { metadata: { HA_Enabled: 'true' } }),
    await make(cloud, first.hostname, { flavorRef: await availableFlavor(cloud), metadata: { HA_Enabled: 'False' } }),
  ];
  await cloud.admin.compute.serverActions.stop({ params: { server_id: off }, body: { 'os-stop': null } });
  await cloud.settle();
  await gone(cloud, [first.id]);

  await leaveDeadHosts(cloud.cloud.region);
  await cloud.settle();
  assert.equal(await placeOf(cloud, asks), `${first.hostname} ACTIVE`, 'it may only have stumbled');
  clock.advance(5_000);
  await leaveDeadHosts(cloud.cloud.region);
  await cloud.settle();

  for (const id of [asks, flavored]) assert.match(await placeOf(cloud, id), new RegExp(`^(?!${first.hostname} ).* ACTIVE$`));
  assert.match(await placeOf(cloud, off), new RegExp(`^(?!${first.hostname} ).* SHUTOFF$`));
  for (const id of [plain, refuses]) assert.equal(await placeOf(cloud, id), `${first.hostname} ACTIVE`);
  assert.deepEqual(await cloud.diagnose(), []);
  await back(cloud, [first.id]);
  await leaveDeadHosts(cloud.cloud.region);
  assert.deepEqual(await cloud.cloud.region.database.read(scope, listDeadHosts), []);
});

test('when more hosts are gone at once than can be dead nothing moves, until there are fewer (FAILURES 15)', async (t) => {
  const clock = manualClock(new Date());
  const cloud = await startCloud(t, { clock });
  const [first, second] = await hostsOf(cloud);
  const id = await make(cloud, first!.hostname, { metadata: { HA_Enabled: 'True' } });
  await gone(cloud, [first!.id, second!.id]);
  clock.advance(60_000);

  await leaveDeadHosts(cloud.cloud.region);
  await leaveDeadHosts(cloud.cloud.region);
  await cloud.settle();

  assert.equal(await placeOf(cloud, id), `${first!.hostname} ACTIVE`);
  const states = async () => (await cloud.cloud.region.database.read(scope, listDeadHosts)).map(({ hostId, state }) => [hostId, state]);
  assert.deepEqual(Object.fromEntries(await states()), { [first!.id]: 'held', [second!.id]: 'held' });
  const told = await cloud.cloud.region.database.read(scope, (tx) => tx.rows<{ type: string; count: number }>`select type, count(*)::int as count from kit.event where type like 'host.dead.%' group by type`);
  assert.deepEqual(told, [{ type: 'host.dead.held', count: 2 }], 'once for each');

  await back(cloud, [second!.id]);
  await leaveDeadHosts(cloud.cloud.region);
  await cloud.settle();
  assert.match(await placeOf(cloud, id), new RegExp(`^(?!${first!.hostname} ).* ACTIVE$`));
  assert.deepEqual(await states(), [[first!.id, 'evacuated']]);
});

test('a fifth of the hosts can be dead at once, and always one', () => {
  assert.deepEqual([1, 4, 5, 9, 10, 1_000].map(mostDead), [1, 1, 1, 1, 2, 200]);
});

function hostsOf({ cloud }: TestCloud) {
  return cloud.region.database.read(scope, listHosts);
}

function gone({ cloud: { region } }: TestCloud, ids: string[]): Promise<void> {
  return region.database.transaction(scope, (tx) => noteGone(tx, ids, { goneAt: region.clock.now(), now: region.clock.now() }));
}

function back({ cloud: { region } }: TestCloud, ids: string[]): Promise<void> {
  return region.database.transaction(scope, (tx) => noteGone(tx, ids, { goneAt: null, now: region.clock.now() }));
}

async function make({ admin, imageId, settle }: TestCloud, hostname: string, more: { metadata?: Record<string, string>; flavorRef?: string }): Promise<string> {
  const { body } = await admin.compute.servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, availability_zone: `nova:${hostname}`, ...more } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

async function availableFlavor({ admin }: TestCloud): Promise<string> {
  const { flavor } = (await admin.compute.flavors.create({ body: { flavor: { name: `ha-${Math.random()}`, vcpus: 1, ram: 512, disk: 1 } } })).body;
  await admin.compute.flavorExtraSpecs.create({ params: { flavor_id: flavor.id }, body: { extra_specs: { HA_Enabled: 'true' } } });
  return flavor.id;
}

async function placeOf({ admin }: TestCloud, id: string): Promise<string> {
  const { server } = (await admin.compute.servers.show({ params: { server_id: id } })).body;
  return `${server['OS-EXT-SRV-ATTR:host']} ${server.status}`;
}
