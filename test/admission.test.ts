import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient, type Refused } from '../contract/client.ts';
import { admission } from '../contract/intercloud/admission.ts';
import { broker } from '../contract/intercloud/broker.ts';
import type { compute } from '../contract/compute/service.ts';
import { network } from '../contract/network/service.ts';
import { virtualServices } from '../contract/virtual.ts';
import { DriverError } from '../drivers/driver.ts';
import type { Faults } from '../drivers/simulated/simulated.ts';
import type { ManualClock } from '../kit/clock.ts';
import { judge, type Signed } from '../kit/signed.ts';
import { observeHosts } from '../services/placement/placement.ts';
import { observeRegions, settleDecisions } from '../services/broker/observing.ts';
import { renewSigningKeys } from '../services/admission/signing-keys.ts';
import { findDifferences } from '../services/region/differences.ts';
import { regionInvariants } from '../services/region/region.invariants.ts';
import { startCloud, type TestCloud } from './cloud.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

type Test = { after(work: () => Promise<void>): void };
type Started = { cloud: TestCloud; partner: TestRegion; /** Methods of the partner's driver that fail from now on. */ broken: Set<string> };

const day = 24 * 3_600_000;

async function start(t: Test): Promise<Started> {
  const broken = new Set<string>();
  const faults: Faults = ({ method }, phase) => {
    if (phase === 'before' && broken.has(method)) throw new DriverError('failed', `The partner cannot do ${method}`);
  };
  const cloud = await startCloud(t, { hosts: 1 });
  const partner = await addRegion(t, cloud, 'partner', { driver: 'openstack', faults });
  await observeRegions(cloud.cloud.broker.parts);
  return { cloud, partner, broken };
}

async function profileOf({ cloud }: Started) {
  const { profile } = (await cloud.admin.client(admission).profiles.show({ params: { region: 'partner' } })).body;
  return { profile, states: Object.fromEntries(profile.document.capabilities.map(({ name, state }) => [name, state])), detailOf: (name: string) => profile.document.capabilities.find((each) => each.name === name)?.detail };
}

/** Where it would go, with hosts that have said that they are there however long the probes took. */
async function whereTo({ cloud }: Started, needs?: string[]) {
  await observeHosts(cloud.cloud.region);
  await observeRegions(cloud.cloud.broker.parts);
  return (await cloud.alice.client(broker).decisions.whatIf({ body: { wish: { vcpus: 1, memory_mib: 64, disk_gib: 1, ...(needs ? { needs } : {}) } } as never })).body;
}

async function bootThere({ cloud, partner }: Started): Promise<string> {
  const anywhere = cloud.alice.client(virtualServices[0] as typeof compute);
  const flavorRef = (await cloud.alice.compute.flavors.list()).body.flavors[0]!.id;
  const { body } = await anywhere.servers.create({ body: { server: { name: 'machine', flavorRef, imageRef: cloud.imageId, networks: [], availability_zone: partner.name } } as never });
  return (body as { server: { id: string } }).server.id;
}

const allProved = { identity: 'proved', image: 'proved', network: 'proved', boot: 'proved', volume: 'proved', delete: 'proved' };

test('what a partner can do is proved from outside, and a probe leaves nothing behind', async (t) => {
  const started = await start(t);
  const { cloud, partner } = started;
  await partner.probe();
  const { profile, states } = await profileOf(started);

  assert.deepEqual(states, allProved);
  assert.equal(profile.document.probes, 2);
  assert.equal(profile.document.failed, 0);
  assert.ok(profile.document.capabilities.every(({ milliseconds, detail }) => milliseconds !== null && detail === null));
  assert.deepEqual([await partner.driver.servers.list(), await partner.driver.volumes.list()], [[], { volumes: [], snapshots: [] }]);
  const left = (await cloud.admin.client(network, 'http://partner.example').networks.list()).body.networks.filter(({ name }) => name?.startsWith('intercloud-probe'));
  assert.deepEqual(left, []);
  assert.deepEqual(await partner.diagnose(), []);
});

test('a capability that starts to fail is quarantined by the next probe, which says why, and new machines go elsewhere', async (t) => {
  const started = await start(t);
  const { partner, broken } = started;
  broken.add('volumes.ensure');
  await partner.probe();
  const { states, detailOf } = await profileOf(started);

  assert.deepEqual(states, { ...allProved, volume: 'quarantined' });
  assert.match(detailOf('volume') ?? '', /volume could not be made/);
  const withVolume = await whereTo(started, ['boot', 'volume']);
  assert.equal(withVolume.region, 'RegionOne');
  assert.match(withVolume.candidates.find(({ region }) => region === 'partner')?.reasons.join() ?? '', /^volume is quarantined there since \d{4}-/);
  const without = await whereTo(started);
  assert.equal(without.candidates.find(({ region }) => region === 'partner')?.verdict, 'possible', 'what still works is still used');

  broken.clear();
  await partner.probe();
  assert.deepEqual((await profileOf(started)).states, allProved, 'it is taken back once it works');
});

test('when capabilities start to fail, the cloud finds out by itself within a minute, and says so', { timeout: 120_000 }, async (t) => {
  const started = await start(t);
  const { cloud, broken } = started;
  const clock = cloud.clock as ManualClock;
  const began = clock.now().getTime();
  for (const method of ['volumes.ensure', 'servers.ensure']) broken.add(method);
  const isFound = async () => {
    const { states } = await profileOf(started);
    return states['volume'] === 'quarantined' && states['boot'] === 'quarantined';
  };

  // Faster than the machine's own time, but not so fast that what takes moments takes long by it.
  for (let last = performance.now(); !(await isFound()) && clock.now().getTime() - began < 180_000; await pause(20)) {
    clock.advance(3 * Math.round(performance.now() - last));
    last = performance.now();
  }

  const seconds = (clock.now().getTime() - began) / 1000;
  assert.ok(seconds <= 60, `It took ${seconds} s`);
  const body = await whereTo(started, ['boot', 'volume']);
  assert.match(body.candidates.find(({ region }) => region === 'partner')?.reasons.join() ?? '', /boot is quarantined there since .*volume is quarantined there since /);
});

test('a machine that does not come up quarantines its region at once, until a probe has seen one come up', async (t) => {
  const started = await start(t);
  const { cloud, partner, broken } = started;
  // No probe comes between.
  await cloud.admin.client(admission).profiles.suspend({ params: { region: 'partner' } });
  broken.add('servers.ensure');
  await bootThere(started);
  await partner.settle();
  await settleDecisions(cloud.cloud.broker.parts);
  const { profile, states, detailOf } = await profileOf(started);

  assert.equal(states['boot'], 'quarantined');
  assert.equal(profile.document.probes, 1, 'nobody waited for a probe');
  const [decision] = (await cloud.alice.client(broker).decisions.list()).body.decisions;
  assert.equal(detailOf('boot'), `A machine that was sent there did not come up (decision ${decision?.id}).`);
  await assert.rejects(bootThere(started), (error: Refused) => error.status === 403 && /boot is quarantined there since/.test(JSON.stringify(error.body)) && !JSON.stringify(error.body).includes(decision!.id));

  await partner.probe();
  assert.equal((await profileOf(started)).states['boot'], 'quarantined', 'it still fails');
  broken.clear();
  await partner.probe();
  await bootThere(started);
});

test('a profile that has ended proves nothing', async (t) => {
  const started = await start(t);
  const { cloud, partner } = started;
  await cloud.rest();
  (cloud.clock as ManualClock).advance(11 * 60_000);
  // Its hosts say that they are still there.
  await partner.settle();
  await observeRegions(cloud.cloud.broker.parts);

  const { body } = await cloud.alice.client(broker).decisions.whatIf({ body: { wish: { vcpus: 1, memory_mib: 64, disk_gib: 1 } } });
  assert.match(body.candidates.find(({ region }) => region === 'partner')?.reasons.join() ?? '', /has to be tried again since/);
});

test('a profile is signed by a key that everybody can ask for, and whoever changes it is found out', async (t) => {
  const started = await start(t);
  const { cloud } = started;
  const shownKeys = async () => (await createClient(admission, { base: 'http://cloud.example', fetch: cloud.fetch }).keys.list()).body.keys;
  const known = async () => new Map((await shownKeys()).map(({ id, public_key: key }) => [id, key]));
  const profile = (await profileOf(started)).profile as unknown as Signed<{ probes: number }>;

  assert.equal(judge(profile, await known(), cloud.clock.now()), 'good');
  assert.equal(judge({ ...profile, document: { ...profile.document, probes: 1000 } }, await known(), cloud.clock.now()), 'forged');
  assert.equal(judge(profile, await known(), new Date(cloud.clock.now().getTime() + day)), 'expired');

  await cloud.admin.client(admission).keys.create();
  await started.partner.probe();
  const next = (await profileOf(started)).profile as unknown as Signed;
  assert.notEqual(next.key, profile.key);
  assert.deepEqual([judge(next, await known(), cloud.clock.now()), judge(profile, await known(), cloud.clock.now())], ['good', 'good'], 'what was signed before can still be judged');

  await cloud.rest();
  (cloud.clock as ManualClock).advance(31 * day);
  await renewSigningKeys(cloud.cloud.admission.parts);
  assert.equal((await shownKeys()).length, 3, 'a key serves for a month');
});

test('what only one of the two clouds knows of is told by the profile, and to doctor', async (t) => {
  const started = await start(t);
  const { cloud, partner } = started;
  const id = await bootThere(started);
  await partner.settle();
  const [machine] = await partner.driver.servers.list();
  assert.equal(machine?.id, id);
  const lost = { ...partner.cloud.region, driver: { ...partner.driver, servers: { ...partner.driver.servers, list: async () => [] }, quarantine: { list: async () => [{ kind: 'server', remoteId: 'theirs', projectId: cloud.alice.projectId, says: null } as const] } } };

  assert.deepEqual(await findDifferences(partner.cloud.region), { there: [], here: [] });
  assert.deepEqual(await findDifferences(lost), { there: [{ kind: 'server', remoteId: 'theirs', projectId: cloud.alice.projectId, says: null }], here: [{ kind: 'server', id }] });
  const found = (await Promise.all(regionInvariants(lost).map(({ check }) => check()))).flat();
  assert.deepEqual(found.map(({ message }) => message.split(',')[0]), ['The server theirs there', `The server ${id} is not there`]);
  await partner.probe();
  const { differences } = (await cloud.admin.client(admission).profiles.show({ params: { region: 'partner' } })).body;
  assert.deepEqual([differences?.there, differences?.here], [[], []]);
});

test('the private parts of keys that sign do not lie in the database', async (t) => {
  const { cloud } = await start(t);
  const rows = await cloud.cloud.home.database.read({ kind: 'system', reason: 'the test looks' }, (tx) => tx.rows<{ sealed: Buffer | null; public: string }>`select sealed, public_key as public from admission.signing_key`);

  assert.equal(rows.length, 1);
  // PKCS #8 begins so.
  assert.ok(rows.every(({ sealed }) => sealed !== null && !sealed.includes(Buffer.from('302e020100300506032b6570', 'hex'))));
});
