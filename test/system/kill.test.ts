import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { layoutOf } from '../../supervisor/config.ts';
import { askSupervisor, type Status } from '../../supervisor/control.ts';
import { healthy } from './dialogue.ts';
import { connectPersistently, type PersistentClient } from './persistent-client.ts';
import { startWholeCloud, type WholeCloud } from './whole-cloud.ts';

type Server = { id: string; name: string; status: string; 'OS-EXT-STS:task_state': string | null; fault?: { message: string } };
type Wish = { name: string; key: string; deleted: boolean };

const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const count = 50;
/** What is under way has to settle by then; the workflows' own deadlines are later. */
const settledWithinMs = 60_000;

test('nothing acknowledged is lost and nothing is left behind when a process is killed among 50 creations and deletions (FAILURES 1)', async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const cloud = await startWholeCloud({ driver: 'simulated', asOrdinaryUser: true });
  t.after(() => cloud.reset());
  const client = await connectPersistently(cloud);
  const place = await prepare(client);

  for (const [index, victim] of ['api', 'worker', 'agent', 'postgresql'].entries())
    await t.test(`kill -9 of ${victim}`, (t) => killAmong({ t, cloud, client, place, victim, chance: chanceOf(seed + index) }));
});

type Place = { flavor: string; image: string; network: string };
type Round = { t: TestContext; cloud: WholeCloud; client: PersistentClient; place: Place; victim: string; chance: () => number };

async function killAmong({ t, cloud, client, place, victim, chance }: Round): Promise<void> {
  const before = await processOf(cloud, victim);
  const wishes: Wish[] = Array.from({ length: count }, (_, index) => ({ name: `${victim}-${index}`, key: `${victim}-${index}-${seed}`, deleted: chance() < 0.5 }));
  const killAfter = Math.floor(chance() * count);
  const delayMs = chance() * 30;
  let answered = 0;
  let killed: Promise<number> | undefined;
  const answer = () => {
    if (answered++ === killAfter) killed = pause(delayMs).then(() => kill(cloud, victim, before));
  };

  const acknowledged = await Promise.all(
    wishes.map(async (wish) => {
      const { body } = await client.ask<{ server: { id: string } }>('compute', 'POST', '/servers', { key: wish.key, body: { server: { name: wish.name, flavorRef: place.flavor, imageRef: place.image, networks: [{ uuid: place.network }] } } });
      answer();
      if (wish.deleted) {
        // One that was sent twice may have been done the first time.
        const { status, sent } = await client.ask('compute', 'DELETE', `/servers/${body.server.id}`, { expected: [404] });
        assert.ok(status === 204 || sent > 1, `DELETE answered ${status}`);
        answer();
      }
      return { ...wish, id: body.server.id };
    }),
  );
  assert.ok(killed, 'the process was killed');
  t.diagnostic(`${victim} was killed after ${killAfter + 1} of ${answered} answers and ${delayMs.toFixed(0)} ms; it was ready again ${(await killed).toFixed(0)} ms later`);
  assert.equal(new Set(acknowledged.map(({ id }) => id)).size, count);

  const settled = await settle(client);
  const kept = acknowledged.filter(({ deleted }) => !deleted);
  assert.deepEqual(settled.map(({ id, name }) => ({ id, name })).sort(byName), kept.map(({ id, name }) => ({ id, name })).sort(byName));
  assert.deepEqual(settled.filter(({ status }) => status !== 'ACTIVE').map(({ name, status, fault }) => ({ name, status, fault })), []);
  for (const { id } of acknowledged.filter(({ deleted }) => deleted)) assert.equal((await client.ask('compute', 'GET', `/servers/${id}`, { expected: [404] })).status, 404);
  await healthy(cloud);

  // A key goes on to give its first answer.
  const again = await client.ask<{ server: { id: string } }>('compute', 'POST', '/servers', { key: kept[0]!.key, body: { server: { name: kept[0]!.name, flavorRef: place.flavor, imageRef: place.image, networks: [{ uuid: place.network }] } } });
  assert.equal(again.body.server.id, kept[0]!.id);

  await Promise.all(kept.map(({ id }) => client.ask('compute', 'DELETE', `/servers/${id}`)));
  assert.deepEqual(await settle(client), []);
  const { body } = await client.ask<{ ports: { device_owner: string }[] }>('network', 'GET', '/ports');
  assert.deepEqual(body.ports.filter(({ device_owner: owner }) => owner.startsWith('compute:')), []);
  await healthy(cloud);
}

/** Network, flavor and image, and room in the quotas. */
async function prepare(client: PersistentClient): Promise<Place> {
  await client.ask('compute', 'PUT', `/os-quota-sets/${client.projectId}`, { body: { quota_set: { instances: -1, cores: -1, ram: -1 } } });
  await client.ask('network', 'PUT', `/quotas/${client.projectId}`, { body: { quota: { port: -1 } } });
  const { body: made } = await client.ask<{ network: { id: string } }>('network', 'POST', '/networks', { body: { network: { name: 'net' } } });
  await client.ask('network', 'POST', '/subnets', { body: { subnet: { network_id: made.network.id, ip_version: 4, cidr: '10.9.0.0/22' } } });
  const { body: flavors } = await client.ask<{ flavors: { id: string; name: string }[] }>('compute', 'GET', '/flavors');
  const { body: images } = await client.ask<{ images: { id: string }[] }>('image', 'GET', '/images');
  return { flavor: flavors.flavors.find(({ name }) => name === 'm1.nano')!.id, image: images.images[0]!.id, network: made.network.id };
}

/** All servers, once none is on its way. */
async function settle(client: PersistentClient): Promise<Server[]> {
  const deadline = performance.now() + settledWithinMs;
  for (;;) {
    const { servers } = (await client.ask<{ servers: Server[] }>('compute', 'GET', '/servers/detail')).body;
    const moving = servers.filter((server) => server.status === 'BUILD' || server['OS-EXT-STS:task_state'] !== null);
    if (moving.length === 0) return servers;
    assert.ok(performance.now() < deadline, `${moving.length} servers have not settled: ${JSON.stringify(moving.slice(0, 3))}`);
    await pause(100);
  }
}

type Process = { pid: number; restarts: number };

/** Resolves to the milliseconds until another process does its work. */
async function kill(cloud: WholeCloud, name: string, { pid, restarts }: Process): Promise<number> {
  process.kill(pid, 'SIGKILL');
  const begun = performance.now();
  for (;;) {
    const status = await askSupervisor<Status>(layoutOf(cloud.stateDir).supervisorSocket, { command: 'status' });
    const now = status?.processes.find((each) => each.name === name);
    if (now?.state === 'ready' && now.pid !== pid && now.restarts === restarts + 1) return performance.now() - begun;
    assert.ok(performance.now() - begun < 30_000, `${name} was not started again: ${JSON.stringify(now)}`);
    await pause(10);
  }
}

async function processOf(cloud: WholeCloud, name: string): Promise<Process> {
  const { out } = await cloud.intercloud(['status', '-f', 'json']);
  const found = (JSON.parse(out) as { processes: (Process & { name: string; state: string })[] }).processes.find((each) => each.name === name);
  assert.equal(found?.state, 'ready', out);
  return found;
}

/** Numbers from 0 to 1 that are the same for the same seed: mulberry32. */
function chanceOf(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function byName({ name: one }: { name: string }, { name: other }: { name: string }): number {
  return one < other ? -1 : 1;
}
