/** Several regions of one cloud: one identity, one limit, and each goes on alone when it has to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, Refused, type Client } from '../contract/client.ts';
import { compute } from '../contract/compute/service.ts';
import { federation } from '../contract/intercloud/federation.ts';
import { keysOf, readInvitation, unseal } from '../contract/intercloud/federation/invitations.ts';
import { image as imageService } from '../contract/image/service.ts';
import { network } from '../contract/network/service.ts';
import { volume } from '../contract/volume/service.ts';
import type { ManualClock } from '../kit/clock.ts';
import { listHeld } from '../services/quota/leases.ts';
import { claimQuota, OverQuota, quotaUsage, releaseQuota } from '../services/quota/quotas.ts';
import { leasesOf, limitOf } from '../services/federation/leases.ts';
import type { RegionParts } from '../services/parts.ts';
import type { RegionCloud } from '../cloud.ts';
import { dice } from './bad-values.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { until } from './patience.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

const scope = { kind: 'system', reason: 'the test looks' } as const;
const seed = Number(process.env['TEST_SEED'] ?? 20_260_102);

test('a token of home is good in a region, and refused there as soon as it is revoked', async (t) => {
  const { cloud, two } = await startTwo(t);
  const token = await cloud.alice.token();
  await networksOf(cloud, two, token);

  await cloud.admin.identity.tokens.revoke({ headers: { 'x-subject-token': token } });
  const revokedAt = performance.now();

  await until(cloud, () => isRefused(() => networksOf(cloud, two, token)));
  assert.ok(performance.now() - revokedAt < 1_000, `it took ${Math.round(performance.now() - revokedAt)} ms`);
});

test('a region that is cut off, and begins anew meanwhile, judges tokens by what it knows; when home is back it catches up', async (t) => {
  const { cloud, two } = await startTwo(t);
  const [kept, lost] = [await cloud.alice.token(), await cloud.bob.token()];
  await networksOf(cloud, two, kept);
  two.cutOff();
  await cloud.admin.identity.tokens.revoke({ headers: { 'x-subject-token': lost } });

  t.after(letTimePass(cloud));
  const again = two.open();
  t.after(async () => {
    await again.cloud.stop();
    await again.close();
  });
  await again.cloud.start();

  assert.equal((await again.cloud.authenticate(kept))?.userId, cloud.alice.userId);
  assert.equal((await again.cloud.authenticate(lost))?.userId, cloud.bob.userId, 'nobody could tell it');
  assert.equal(await again.cloud.authenticate(`${kept.slice(0, -4)}AAAA`), undefined);
  two.comeBack();
  await until(cloud, async () => (await again.cloud.authenticate(lost)) === undefined);
  assert.equal((await again.cloud.authenticate(kept))?.userId, cloud.alice.userId);
});

test('an invitation works once, says nothing to who listens, and only for the region that it names', async (t) => {
  const cloud = await startCloud(t);
  const { admin } = cloud;
  for (const taken of ['RegionOne', 'REGIONONE', 'anywhere']) await assert.rejects(admin.federation.regions.create({ body: { name: taken } }), { status: 409 }, taken);
  const { invitation } = (await admin.federation.regions.create({ body: { name: 'two' } })).body;
  const { secret } = readInvitation(invitation)!;
  const stranger = createClient(federation, { base: 'http://cloud.example', fetch: cloud.fetch });
  const join = (region: string, proof: string) => stranger.regions.join({ params: { region }, body: { proof, url: 'http://two.example', driver: 'simulated' } });

  await assert.rejects(join('two', keysOf('two', Buffer.alloc(32, 1)).proof), { status: 403 });
  await assert.rejects(join('three', keysOf('two', secret).proof), { status: 403 });
  const { body } = await join('two', keysOf('two', secret).proof);

  assert.equal((unseal(keysOf('two', secret).seal, body.sealed) as { region: string }).region, 'two');
  assert.throws(() => unseal(keysOf('two', Buffer.alloc(32, 1)).seal, body.sealed));
  const elsewhere = { proof: keysOf('two', secret).proof, url: 'http://thief.example', driver: 'simulated' };
  await assert.rejects(stranger.regions.join({ params: { region: 'two' }, body: elsewhere }), { status: 403 });
});

test('a region that was broken off while it joined asks again and is told the same, until home has heard of it', async (t) => {
  const cloud = await startCloud(t);
  const answers: string[] = [];
  let asked = {} as { proof: string; url: string; driver: string };
  // The first answer is lost on its way.
  const asksTwice: typeof fetch = async (address, init) => {
    if (!/\/join$/.test(address instanceof Request ? address.url : String(address))) return cloud.fetch(address, init);
    asked = JSON.parse(init?.body as string) as typeof asked;
    answers.push(await (await cloud.fetch(address, init)).text());
    const reply = await cloud.fetch(address, init);
    answers.push(await reply.clone().text());
    return reply;
  };
  const two = await addRegion(t, { ...cloud, fetch: asksTwice }, 'two');
  assert.equal(answers[0], answers[1]);

  await until(cloud, async () => (await cloud.admin.federation.regions.show({ params: { region: 'two' } })).body.region.seen_at !== null);
  await assert.rejects(cloud.admin.federation.regions.join({ params: { region: 'two' }, body: asked }), { status: 403 });
  assert.deepEqual(await two.diagnose(), [], 'what it was told the first time is still good');
});

test('an invitation is good for a day', async (t) => {
  const cloud = await startCloud(t);
  const { invitation, valid_until: until } = (await cloud.admin.federation.regions.create({ body: { name: 'late' } })).body;
  assert.equal(Date.parse(until) - cloud.clock.now().getTime(), 24 * 3_600_000);
  const { proof } = keysOf('late', readInvitation(invitation)!.secret);
  const join = () => cloud.admin.federation.regions.join({ params: { region: 'late' }, body: { proof, url: 'http://late.example', driver: 'simulated' } });

  await cloud.rest();
  (cloud.clock as ManualClock).advance(24 * 3_600_000);

  await assert.rejects(join(), (error: Refused) => error.status === 403 && JSON.stringify(error.body).includes(`This invitation was good until ${until}`));
  await cloud.admin.federation.regions.create({ body: { name: 'late' } });
});

test('doctor names a region that has joined and is not heard of, whether it ever was or not', async (t) => {
  const { cloud, two } = await startTwo(t);
  const invited = (await cloud.admin.federation.regions.create({ body: { name: 'mute' } })).body.invitation;
  const { proof } = keysOf('mute', readInvitation(invited)!.secret);
  await cloud.admin.federation.regions.join({ params: { region: 'mute' }, body: { proof, url: 'http://mute.example', driver: 'simulated' } });
  const silent = async () => (await cloud.diagnose()).filter((each) => /\bF1\b/.test(each));
  assert.deepEqual(await silent(), []);

  two.cutOff();
  (cloud.clock as ManualClock).advance(91_000);

  assert.match((await silent()).join('\n'), /The region mute at .* has joined and was never heard of\n.*The region two at .* has not been heard of since/);
});

test('a region asks for itself only, and nobody asks in its name', async (t) => {
  const { cloud, two } = await startTwo(t);
  const three = await addRegion(t, cloud, 'three');
  const asThree = createClient(federation, { base: 'http://cloud.example', fetch: cloud.fetch, token: three.token });

  await asThree.leases.list({ params: { region: 'three' } });
  for (const ask of [
    () => asThree.feed.news({ params: { region: 'two' } }),
    () => asThree.leases.list({ params: { region: 'two' } }),
    () => asThree.leases.ask({ params: { region: 'two' }, body: { leases: [{ kind: 'compute.cores', subject: cloud.alice.projectId, least: '1', wish: '1' }] } }),
    () => asThree.leases.setLimits({ params: { region: 'two' }, body: { limits: [{ kind: 'compute.cores', subject: cloud.alice.projectId, amount: '-1' }] } }),
  ])
    await assert.rejects(ask(), { status: 404 });
  await assert.rejects(asThree.regions.delete({ params: { region: two.name } }), { status: 403 });
});

test('a limit is one over all regions, wherever it is set and wherever it is used', async (t) => {
  const { cloud, two } = await startTwo(t);
  const { alice, admin } = cloud;
  await admin.network.quotas.update({ params: { project_id: alice.projectId }, body: { quota: { network: 4 } } });
  const there = networksAt(two, alice);
  await until(cloud, async () => (await quotaThere(two, alice)) === 4);

  for (const name of ['a', 'b', 'c']) await alice.network.networks.create({ body: { network: { name } } });
  await there.networks.create({ body: { network: { name: 'd' } } });

  await assert.rejects(there.networks.create({ body: { network: { name: 'e' } } }), { status: 409 });
  await assert.rejects(alice.network.networks.create({ body: { network: { name: 'e' } } }), { status: 409 });
  const id = (await alice.network.networks.list({ query: { name: ['a'] } })).body.networks[0]?.id;
  await alice.network.networks.delete({ params: { network_id: id ?? '' } });
  await there.networks.create({ body: { network: { name: 'e' } } });
});

test('a limit of every project that has none of its own is one for all regions, wherever an operator sets it', async (t) => {
  const { cloud } = await startTwo(t);
  const { alice, admin } = cloud;
  const [here, there] = [alice.volume, alice.client(volume, 'http://two.example')];
  const limitAt = async (client: typeof here) => (await client.limits.showQuota({ params: { project_id: alice.projectId } })).body.quota_set['volumes'];
  for (const name of ['a', 'b', 'c']) await here.volumes.create({ body: { volume: { name, size: 1 } } as never });

  await admin.client(volume, 'http://two.example').limits.updateClass({ params: { class_name: 'default' }, body: { quota_class_set: { volumes: 4 } } as never });

  await until(cloud, async () => (await limitAt(here)) === 4 && (await limitAt(there)) === 4);
  await there.volumes.create({ body: { volume: { name: 'd', size: 1 } } as never });
  for (const client of [here, there]) await assert.rejects(client.volumes.create({ body: { volume: { name: 'e', size: 1 } } as never }), { status: 413 });
  await admin.volume.limits.updateClass({ params: { class_name: 'default' }, body: { quota_class_set: { volumes: 5 } } as never });
  await until(cloud, async () => (await limitAt(there)) === 5);
  await there.volumes.create({ body: { volume: { name: 'e', size: 1 } } as never });
});

test('of servers that are asked for in one go as many are made as there is room for over all regions, and none when the fewest do not fit', async (t) => {
  const { cloud, two } = await startTwo(t);
  const { alice, admin } = cloud;
  await admin.compute.quotaSets.update({ params: { tenant_id: alice.projectId }, body: { quota_set: { instances: 5 } } as never });
  await until(cloud, async () => (await two.cloud.region.database.read(scope, (tx) => quotaUsage(tx, alice.projectId, ['compute.instances'])))['compute.instances']!.limit === 5);
  const [image] = (await alice.client(imageService, 'http://two.example').images.list()).body.images;
  const { flavors } = (await alice.compute.flavors.list()).body;
  const servers = alice.client(compute, 'http://two.example').servers;
  const make = (least: number, most: number) => servers.create({ body: { server: { name: 'many', flavorRef: flavors[0]!.id, imageRef: image!.id, networks: [], min_count: least, max_count: most } } as never });
  const count = async () => (await servers.list()).body.servers.length;
  await cloud.cloud.region.database.transaction(scope, (tx) => claimQuota(tx, alice.projectId, { 'compute.instances': 2 }));

  await make(1, 10);
  assert.equal(await count(), 3, 'the other two are used elsewhere');
  await assert.rejects(make(1, 10), { status: 403 });
  await cloud.cloud.region.database.transaction(scope, (tx) => releaseQuota(tx, alice.projectId, { 'compute.instances': 2 }));
  await assert.rejects(make(3, 10), { status: 403 });
  await make(2, 10);
  assert.equal(await count(), 5);
});

test('what was used and set before another region came counts for both', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;
  await admin.network.quotas.update({ params: { project_id: alice.projectId }, body: { quota: { network: 3 } } });
  for (const name of ['a', 'b']) await alice.network.networks.create({ body: { network: { name } } });

  const there = networksAt(await addRegion(t, cloud, 'two'), alice);

  await there.networks.create({ body: { network: { name: 'c' } } });
  await assert.rejects(there.networks.create({ body: { network: { name: 'd' } } }), { status: 409 });
  await assert.rejects(alice.network.networks.create({ body: { network: { name: 'd' } } }), { status: 409 });
  assert.deepEqual((await cloud.diagnose()).filter((each) => /\bL1\b/.test(each)), []);
});

test('a limit that is set in a region while home is away is one for all when home is back', async (t) => {
  const { cloud, two } = await startTwo(t);
  const { alice, admin } = cloud;
  const there = networksAt(two, admin);
  await there.quotas.show({ params: { project_id: alice.projectId } });
  two.cutOff();
  cloud.doors.set(`${two.name}.example`, two.door);

  await there.quotas.update({ params: { project_id: alice.projectId }, body: { quota: { network: 7 } } });
  assert.equal(await homeLimit(cloud, 'network.network', alice), 100n);
  two.comeBack();

  await until(cloud, async () => (await homeLimit(cloud, 'network.network', alice)) === 7n);
  await until(cloud, async () => (await alice.network.quotas.show({ params: { project_id: alice.projectId } })).body.quota.network === 7);
});

test(`whoever is cut off from whom, and whatever answer is lost, the regions together never pass a limit (seed ${seed})`, async (t) => {
  const { cloud, two } = await startTwo(t);
  const three = await addRegion(t, cloud, 'three');
  const roll = dice(seed);
  const chance = (one: number) => roll(one) === 0;
  t.after(letTimePass(cloud));
  const limit = 12;
  const project = cloud.alice.projectId;
  await cloud.admin.network.quotas.update({ params: { project_id: project }, body: { quota: { network: limit } } });
  const places = [cloud.cloud, two.cloud, three.cloud];
  const further: TestRegion[] = [two, three];
  for (const each of further) await until(cloud, async () => (await quotaThere(each, cloud.alice)) === limit);
  let [claimed, refused] = [0, 0];

  for (let round = 0; round < 60; round++) {
    for (const each of further) {
      if (chance(3)) each.cutOff();
      else each.comeBack();
      const losing = chance(3);
      each.loseAnswers(() => losing && chance(2));
    }
    await Promise.all(
      Array.from({ length: 6 }, async () => {
        const place = places[roll(places.length)]!;
        const { region } = place;
        const amount = 1 + roll(3);
        if (chance(3)) return giveUp(region, project, amount);
        if (chance(6)) return giveBack(place);
        if (await tryClaim(region, project, amount)) claimed += 1;
        else refused += 1;
      }),
    );
    await demandWithin(cloud, places, project, limit);
  }
  t.diagnostic(`${claimed} claims fitted and ${refused} did not`);
  assert.ok(claimed > 30 && refused > 10, `${claimed} claims fitted and ${refused} did not`);

  for (const each of further) {
    each.comeBack();
    each.loseAnswers(() => false);
  }
  for (const { region } of places) await giveUp(region, project, limit);
  // Nothing of the limit was lost on the way: one region can have all of it.
  await until(cloud, () => tryClaim(two.cloud.region, project, limit));
  await demandWithin(cloud, places, project, limit);
  assert.deepEqual([...(await cloud.diagnose()), ...(await two.diagnose()), ...(await three.diagnose())].filter((each) => /\b(L1|F1)\b/.test(each)), []);
});

async function startTwo(t: { after(work: () => Promise<void>): void }): Promise<{ cloud: TestCloud; two: TestRegion }> {
  const cloud = await startCloud(t);
  return { cloud, two: await addRegion(t, cloud, 'two') };
}

function networksOf(cloud: TestCloud, region: TestRegion, token: string): Promise<unknown> {
  return createClient(network, { base: `http://${region.name}.example`, fetch: cloud.fetch, token: () => token }).networks.list();
}

function networksAt({ name }: TestRegion, person: Person): Client<typeof network> {
  return person.client(network, `http://${name}.example`);
}

async function quotaThere({ cloud: { region } }: TestRegion, { projectId }: Person): Promise<number> {
  return (await region.database.read(scope, (tx) => quotaUsage(tx, projectId, ['network.network'])))['network.network']!.limit;
}

function homeLimit({ cloud }: TestCloud, kind: string, { projectId }: Person): Promise<bigint> {
  return cloud.home.database.read(scope, (tx) => limitOf(tx, kind, projectId));
}

async function isRefused(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return true;
    throw error;
  }
}

async function tryClaim({ database }: RegionParts, project: string, amount: number): Promise<boolean> {
  try {
    await database.transaction(scope, (tx) => claimQuota(tx, project, { 'network.network': amount }));
    return true;
  } catch (error) {
    if (error instanceof OverQuota) return false;
    throw error;
  }
}

/** So much of what is used there, or all of it. */
function giveUp({ database }: RegionParts, project: string, most: number): Promise<void> {
  return database.transaction(scope, async (tx) => {
    await tx.run`select from quota.claim where project_id = ${project} for update`;
    const { used } = (await quotaUsage(tx, project, ['network.network']))['network.network']!;
    const amount = Math.min(used, most);
    if (amount > 0) await releaseQuota(tx, project, { 'network.network': amount });
  });
}

/** What is used is within what is held, what is held within what home believes, and that within the limit. */
async function demandWithin(cloud: TestCloud, places: readonly RegionCloud[], project: string, limit: number): Promise<void> {
  let [used, believed] = [0n, 0n];
  for (const { region } of places) {
    const ofThis = (each: { kind: string; subject: string }) => each.kind === 'network.network' && each.subject === project;
    const here = (await region.database.read(scope, listHeld)).find(ofThis) ?? { amount: 0n, used: 0n };
    const atHome = (await cloud.cloud.home.database.read(scope, (tx) => leasesOf(tx, region.region))).find(ofThis)?.amount ?? 0n;
    assert.ok(here.used <= here.amount && here.amount <= atHome, `${region.region} uses ${here.used} of ${here.amount}, and home believes ${atHome}`);
    used += here.used;
    believed += atHome;
  }
  assert.ok(believed <= BigInt(limit), `the regions hold ${believed} of ${limit}, and use ${used}`);
}

/** What its schedule does, now. Home may be away: then it is done the next time. */
async function giveBack({ region, regionMade }: RegionCloud): Promise<void> {
  const schedule = regionMade.flatMap(({ schedules }) => schedules).find(({ name }) => name === 'home-link.give-back');
  assert.ok(schedule);
  await schedule.run(region, new AbortController().signal).catch((error: unknown) => assert.match(String(error), /fetch failed/));
}

/** For those who wait while the test waits for them. */
function letTimePass({ clock }: TestCloud): () => Promise<void> {
  const timer = setInterval(() => 'advance' in clock && (clock as ManualClock).advance(100), 5);
  return async () => clearInterval(timer);
}
