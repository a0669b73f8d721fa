/**
 * Two clouds of two owners, whose clocks are ten minutes apart, and what goes wrong between them, one thing at a time: whatever
 * it is, nothing is left over, nothing is paid twice, no quota is passed, and what is not agreed on names its event. From one
 * seed the same comes in the same order.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { observeHosts } from '../../services/placement/placement.ts';
import { quotaUsage } from '../../services/quota/quotas.ts';
import { dice, type Dice } from '../bad-values.ts';
import { compared, lie, openBooks, settled } from '../two-clouds-counting.ts';
import { startTwoClouds, type Link, type TwoClouds } from '../two-clouds.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);
const hourMs = 3_600_000;
const mostServers = 3;

type Scene = TwoClouds & { roll: Dice; accounts: { here: string; there: string }; /** About which machine is lied. */ lied?: { id: string; project: string } };
type Round = { hour: Date; servers: string[] };

/** What happens in an hour in which two machines are there for some time. `disputed`: what is not agreed on then. */
type Fault = { before?(scene: Scene): void | Promise<void>; during?(scene: Scene, round: Round): void | Promise<void>; after?(scene: Scene, round: Round): void | Promise<void>; disputed?: readonly string[]; /** What a person has to delete there. */ left?: number };

const isCreation = ({ method, url }: Parameters<Link>[0]) => method === 'POST' && /\/servers$/.test(url);

/** The one or the other of two creations. */
function once(roll: Dice, happen: Link): Link {
  let left = roll(2);
  return (request, send) => (isCreation(request) && left-- === 0 ? happen(request, send) : send());
}

const faults: Record<string, Fault> = {
  'the partner does what it is asked, and its answer gets lost': {
    before: ({ trouble, roll }) =>
      trouble(once(roll, async (_, send) => {
        await send();
        throw new TypeError('fetch failed: timed out');
      })),
  },
  'the partner is asked twice by what lies between, and does it twice': {
    before: ({ trouble, roll }) =>
      trouble(once(roll, async (_, send) => {
        await send();
        return send();
      })),
    // The one too much is billed by the partner, and is nothing of ours.
    disputed: ['missing-resource'],
    left: 1,
  },
  'the partner loses a machine': {
    async during({ theirs, there, partner, roll, pass }) {
      const found = await there();
      await theirs.admin.compute.servers.delete({ params: { server_id: found[roll(found.length)]!.id } });
      await theirs.settle();
      await pass(2);
      await observeHosts(partner.cloud.region);
    },
  },
  'the partner lies about what was used': {
    async during(scene) {
      scene.lied = (await scene.there())[scene.roll(2)]!;
    },
    after: (scene, { hour }) => lie(scene, hour, scene.lied!),
    disputed: ['duration'],
  },
  'the partner is unreachable for an hour': {
    async during({ trouble, pass }) {
      trouble(() => Promise.reject(new TypeError('fetch failed: unreachable')));
      await pass(60);
      trouble(undefined);
    },
  },
  'the region is cut off from home while the quota is nearly used up': {
    async during({ partner, ours, pass }) {
      partner.cutOff();
      await pass(1);
      const made = await Promise.allSettled(Array.from({ length: 3 }, () => bootHere(ours)));
      assert.deepEqual(made.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected'], 'one was left');
      partner.comeBack();
    },
    after: async ({ ours }) => {
      for (const { id } of (await ours.alice.compute.servers.list()).body.servers) await ours.alice.compute.servers.delete({ params: { server_id: id } });
      await ours.settle();
    },
  },
  'nothing goes wrong': {},
};


test(`whatever goes wrong between two owners, what both accept is what there was, and the rest is named (seed ${seed})`, { timeout: 600_000 }, async (t) => {
  const clouds = await startTwoClouds(t, { aheadMinutes: 10 });
  const { ours, theirs, partner, trouble, pass, tell, boot, servers, there } = clouds;
  const scene: Scene = { ...clouds, roll: dice(seed), accounts: await openBooks(clouds) };
  await ours.admin.compute.quotaSets.update({ params: { tenant_id: ours.alice.projectId }, body: { quota_set: { instances: mostServers } } as never });

  for (const [name, fault] of shuffled(Object.entries(faults), scene.roll))
    await t.test(name, async () => {
      await pass(62 - (Math.floor(ours.clock.now().getTime() / 60_000) % 60));
      const hour = new Date(Math.floor(ours.clock.now().getTime() / hourMs) * hourMs);
      await fault.before?.(scene);
      const round: Round = { hour, servers: [await boot('one'), await boot('two')] };
      trouble(undefined);
      await pass(2);
      await clouds.settle();
      await pass(5 + scene.roll(20));
      await fault.during?.(scene, round);
      await clouds.settle();
      assert.ok((await used(clouds)) <= mostServers, `${await used(clouds)} servers are counted, and ${mostServers} may be`);
      for (const server_id of round.servers) await servers.delete({ params: { server_id } });
      await clouds.settle();
      await pass(65);
      await tell();
      await fault.after?.(scene, round);
      await pass(5);
      await tell();

      // Nothing is left but what is shown to be nobody's, and a person decides about that.
      const nobodys = (await partner.cloud.region.driver.quarantine.list()).filter(({ kind }) => kind === 'server');
      assert.deepEqual((await there()).map(({ id }) => id).toSorted(), nobodys.map(({ remoteId }) => remoteId).toSorted());
      assert.equal(nobodys.length, fault.left ?? 0);
      for (const { remoteId } of nobodys) await theirs.admin.compute.servers.delete({ params: { server_id: remoteId } });
      await theirs.settle();
      assert.equal(await used(clouds), 0);
      // What is not agreed on says which event of whom it is about; what both accept is worth the same in both.
      const { failure, matched, told, disputes } = await compared(clouds, hour);
      assert.deepEqual({ failure, matched, told }, { failure: null, matched: true, told: true });
      assert.deepEqual([...new Set(disputes.map(({ kind }) => kind))], fault.disputed ?? [], JSON.stringify(disputes));
      for (const each of disputes) assert.ok(each.own_events.length + each.peer_events.length > 0, JSON.stringify(each));
      const { here, there: atTheirs } = await settled(clouds, scene.accounts, hour);
      assert.equal(here, atTheirs);
      // Two machines for an hour at most, and ten minutes for each of their changes.
      assert.ok(Number(here) <= 2 * 1.24 * 1.4, `${here} for two machines in an hour`);
    });

  await tell();
  assert.deepEqual([...(await ours.diagnose()), ...(await theirs.diagnose()), ...(await partner.diagnose())], []);
});

/** In both regions of ours. */
async function used({ ours, partner }: TwoClouds): Promise<number> {
  const counts = await Promise.all([ours.cloud, partner.cloud].map(({ region: { database } }) => database.read({ kind: 'system', reason: 'the test counts' }, (tx) => quotaUsage(tx, ours.alice.projectId, ['compute.instances']))));
  return counts.reduce((sum, each) => sum + (each['compute.instances']?.used ?? 0), 0);
}

async function bootHere({ alice, imageId }: TwoClouds['ours']): Promise<void> {
  const [flavor] = (await alice.compute.flavors.list()).body.flavors;
  await alice.compute.servers.create({ body: { server: { name: 'here', imageRef: imageId, flavorRef: flavor!.id, networks: [] } } });
}

function shuffled<T>(list: readonly T[], roll: Dice): T[] {
  const left = [...list];
  return Array.from(list, () => left.splice(roll(left.length), 1)[0]!);
}
