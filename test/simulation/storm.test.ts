/** Many servers come and go at once while one of two engines dies again and again: all of it ends well. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWorker } from '../../cloud.ts';
import { systemClock } from '../../kit/clock.ts';
import { Abandoned } from '../../kit/workflow/workflow.ts';
import { quotaUsage } from '../../services/quota/quotas.ts';
import { dice, type Dice } from '../bad-values.ts';
import { startCloud, type TestCloud } from '../cloud.ts';
import { thingsOf } from '../things.ts';

const seed = Number(process.env['TEST_SEED'] ?? 20_260_102);
const wishes = 50;
/** Fewer than are wished for, so that the limit is met. */
const mostServers = 30;
const restarts = 6;

test(`fifty servers come and go in a storm in which engines die (seed ${seed}, FAILURES 5)`, async (t) => {
  const cloud = await startCloud(t, { clock: systemClock });
  const roll = dice(seed);
  const { alice, admin } = cloud;
  const things = thingsOf(cloud);
  const [flavorRef, networkId] = [await things.get('flavor'), (await things.get('subnet'), await things.get('network'))];
  await alice.network.securityGroups.list();
  await admin.compute.quotaSets.update({ params: { tenant_id: alice.projectId }, body: { quota_set: { instances: mostServers, cores: 100, ram: -1 } } });
  await cloud.settle();
  const before = await cloud.leftovers(alice.projectId);

  const counted = new AbortController();
  const watching = watchQuota(cloud, counted.signal);
  const dying = dieAgainAndAgain(cloud, roll);
  const outcomes = await Promise.all(Array.from({ length: wishes }, (_, index) => comeAndGo(cloud, `storm-${index}`, { flavorRef, networkId, imageRef: cloud.imageId, stays: roll(3) === 0, waitMs: roll(400) })));
  const deaths = await dying;
  await cloud.settle();
  counted.abort();
  const highest = await watching;

  const { servers } = (await alice.compute.servers.detail()).body;
  t.diagnostic(`${JSON.stringify(count(outcomes))}, ${servers.length} left, at most ${highest} counted, ${deaths} engines killed at work`);
  assert.ok(deaths > 0, 'no engine was killed at work: this was no storm');
  assert.deepEqual(await cloud.diagnose(), []);
  assert.ok(highest > 0 && highest <= mostServers, `${highest} servers were counted`);
  assert.deepEqual(servers.map(({ status }) => status).filter((status) => status !== 'ACTIVE'), []);
  assert.equal(servers.length, outcomes.filter((outcome) => outcome === 'stays').length);
  const machines = await cloud.driver.servers.list();
  assert.deepEqual(machines.map(({ id }) => id).sort(), servers.map(({ id }) => id).sort());

  for (const { id } of servers) await alice.compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();
  assert.deepEqual(await cloud.diagnose(), []);
  assert.deepEqual(await cloud.leftovers(alice.projectId), before);
});

type Outcome = 'over quota' | 'deleted' | 'stays';
type Wish = { flavorRef: string; networkId: string; imageRef: string; stays: boolean; waitMs: number };

async function comeAndGo({ alice, clock }: TestCloud, name: string, { flavorRef, networkId, imageRef, stays, waitMs }: Wish): Promise<Outcome> {
  await clock.after(waitMs);
  let id: string;
  try {
    const { body } = await alice.compute.servers.create({ body: { server: { name, flavorRef, imageRef, networks: [{ uuid: networkId }] } } });
    id = 'server' in body ? body.server.id : '';
  } catch (error) {
    if (error instanceof Error && 'status' in error && error.status === 403 && /[Qq]uota/.test(error.message)) return 'over quota';
    throw error;
  }
  if (stays) return 'stays';
  await clock.after(waitMs);
  await alice.compute.servers.delete({ params: { server_id: id } });
  return 'deleted';
}

/** A second engine, in the place of another process, that lets go of all its work at some point and is gone; then the next one. */
async function dieAgainAndAgain(cloud: TestCloud, roll: Dice): Promise<number> {
  let deaths = 0;
  for (let life = 0; life < restarts; life++) {
    const other = cloud.open();
    let left = 5 + roll(30);
    let died = () => {};
    const death = new Promise<void>((resolve) => (died = resolve));
    const worker = createWorker(other.cloud, {
      pollMs: 50,
      faults() {
        left -= 1;
        if (left > 0) return;
        if (left === 0) deaths += 1;
        died();
        throw new Abandoned('killed');
      },
    });
    await worker.start();
    // A calm in which it has nothing to do must not keep the test.
    await Promise.race([death, cloud.clock.after(500)]);
    await worker.stop();
    await other.close();
  }
  return deaths;
}

/** The highest number of servers that was ever counted. */
async function watchQuota({ cloud, alice, clock }: TestCloud, ended: AbortSignal): Promise<number> {
  let highest = 0;
  while (!ended.aborted) {
    const usage = await cloud.region.database.read({ kind: 'system', reason: 'the test watches' }, (tx) => quotaUsage(tx, alice.projectId, ['compute.instances']));
    highest = Math.max(highest, usage['compute.instances']?.used ?? 0);
    await clock.after(5);
  }
  return highest;
}

function count(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
