import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../contract/compute/service.ts';
import { startCloud, type TestCloud } from '../test/cloud.ts';
import { registerHosts } from '../services/placement/claims.ts';
import { listHosts } from '../services/placement/hosts.ts';
import { drainHost, planDrain, undrainHost } from './host-drain.ts';
import { roomOfHosts } from './host-room.ts';

const scope = { kind: 'system', reason: 'test' } as const;

test('a host is drained: what cannot move is said first and why, all else goes, and nothing new comes until it is undrained (FAILURES 32)', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 });
  const { admin } = cloud;
  const [host, other] = ['host-1', 'host-2'];
  const [runs, off, paused] = [await make(cloud, 'runs', host), await make(cloud, 'off', host), await make(cloud, 'paused', host)];
  await admin.compute.serverActions.stop({ params: { server_id: off }, body: { 'os-stop': null } });
  await admin.compute.serverActions.pause({ params: { server_id: paused }, body: { pause: null } });
  await cloud.settle();
  const clients = clientsOf(cloud);

  const plan = await planDrain(clients, host!);
  assert.deepEqual([plan.moves.map(({ name }) => name).toSorted(), plan.stays], [['off', 'runs'], [{ id: paused, name: 'paused', status: 'PAUSED', why: 'it is paused: unpause it, or stop it' }]]);
  assert.equal((await health(cloud))[host!], 'up', 'a plan changes nothing');

  const said: string[] = [];
  const { moved, stays } = await drainHost(clients, host!, (line) => void said.push(line));

  assert.equal(said[0], 'paused stays: it is paused: unpause it, or stop it');
  assert.deepEqual(Object.fromEntries(moved.map(({ name, how }) => [name, how])), { runs: 'live', off: 'cold' });
  assert.deepEqual(stays.map(({ name }) => name), ['paused']);
  assert.deepEqual([await placeOf(cloud, runs), await placeOf(cloud, off), await placeOf(cloud, paused)], [`${other} ACTIVE`, `${other} SHUTOFF`, `${host} PAUSED`]);
  assert.deepEqual(await health(cloud), { [host!]: 'drained', [other!]: 'up' });
  const fresh = await make(cloud, 'fresh', null);
  assert.equal(await placeOf(cloud, fresh), `${other} ACTIVE`);

  await admin.compute.serverActions.unpause({ params: { server_id: paused }, body: { unpause: null } });
  await cloud.settle();
  assert.deepEqual((await drainHost(clients, host!, () => undefined)).moved.map(({ name }) => name), ['paused'], 'repeated, it goes on');
  await undrainHost(clients, host!);
  assert.equal((await health(cloud))[host!], 'up');
  assert.deepEqual(await cloud.diagnose(), []);
});

test('from a machine of its own servers are drained switched off, and those that an earlier run had moved are confirmed', async (t) => {
  const cloud = await startCloud(t, { hosts: 2 });
  const { database, clock } = cloud.cloud.region;
  const [one, two] = [await make(cloud, 'one', 'host-1'), await make(cloud, 'two', 'host-1')];
  const [first, second] = await database.read(scope, listHosts);
  await database.transaction(scope, (tx) => registerHosts(tx, [{ ...first!.report, apart: true }, second!.report], clock.now()));
  await cloud.admin.compute.serverActions.migrate({ params: { server_id: one }, body: { migrate: null } });
  await cloud.settle();
  assert.equal(await placeOf(cloud, one), 'host-2 VERIFY_RESIZE');
  await database.transaction(scope, (tx) => registerHosts(tx, [{ ...first!.report, apart: true }, second!.report], clock.now()));

  const { moved, stays } = await drainHost(clientsOf(cloud), 'host-1', () => undefined);

  assert.deepEqual([moved.map(({ name, how }) => [name, how]), stays], [[['two', 'cold']], []]);
  assert.deepEqual([await placeOf(cloud, one), await placeOf(cloud, two)], ['host-2 ACTIVE', 'host-2 ACTIVE']);
});

test('when there is no other host nothing is tried, and that is why', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const id = await make(cloud, 'web', 'host-1');

  const { moves, stays } = await planDrain(clientsOf(cloud), 'host-1');

  assert.deepEqual([moves, stays.map(({ id: found, why }) => [found, why])], [[], [[id, 'there is no other host that is up and takes servers']]]);
  await assert.rejects(planDrain(clientsOf(cloud), 'host-9'), /There is no host host-9/);
});

function clientsOf({ admin }: TestCloud) {
  return { newest: admin.client(compute, undefined, compute.microversions.max), early: admin.client(compute, undefined, '2.33') };
}

async function health({ admin }: TestCloud): Promise<Record<string, string>> {
  return Object.fromEntries((await roomOfHosts(admin.client(compute, undefined, '2.87'), [])).map(({ name, health: is }) => [name, is]));
}

async function make({ admin, imageId, settle }: TestCloud, name: string, hostname: string | null): Promise<string> {
  const { body } = await admin.compute.servers.create({ body: { server: { name, flavorRef: '1', imageRef: imageId, ...(hostname === null ? {} : { availability_zone: `nova:${hostname}` }) } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

async function placeOf({ admin }: TestCloud, id: string): Promise<string> {
  const { server } = (await admin.compute.servers.show({ params: { server_id: id } })).body;
  return `${server['OS-EXT-SRV-ATTR:host']} ${server.status}`;
}
