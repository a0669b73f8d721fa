/** Servers that go from one machine to another: what is on their disks goes along, once, and nobody else has it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import type { ServerSpec } from '../drivers/driver.ts';
import { contentDigest } from '../drivers/driver.fixtures.ts';
import { serverOf } from '../drivers/spec.fixtures.ts';
import { regionWithGate, until } from './joined-hosts.ts';

type Region = Awaited<ReturnType<typeof regionWithGate>>;

test('a server takes what is on its disk along, between machines that joined, and to and from the first one', async (t) => {
  const { region, hosts, firstHost } = await regionOfTwo(t);
  const [one, two] = hosts;
  const spec = serverOf(one.id, region.images[0]);
  await region.driver.servers.ensure(spec);
  one.own.simulation.writeToServer(spec.id, 4096, Buffer.from('written on the first'));
  const written = await digestOf(region, spec);

  const onTwo = { ...spec, generation: 2, hostId: two.id };
  const state = await region.driver.servers.ensure(onTwo);

  assert.deepEqual([state.power, state.hostId], ['running', two.id]);
  assert.equal(await digestOf(region, onTwo), written);
  assert.deepEqual([await idsOn(one), await idsOn(two)], [[], [spec.id]]);
  assert.deepEqual([await region.ledger.of(one.id), (await region.ledger.holderOf(spec.id))?.hostId], [[], two.id]);

  const onFirst = { ...spec, generation: 3, hostId: firstHost };
  await region.driver.servers.ensure(onFirst);
  assert.equal(await digestOf(region, onFirst), written);
  assert.deepEqual([await idsOn(two), (await region.first.servers.list()).map(({ id }) => id)], [[], [spec.id]]);

  const back = { ...spec, generation: 4 };
  await region.driver.servers.ensure(back);
  assert.equal(await digestOf(region, back), written);
  await region.driver.servers.remove({ id: spec.id, hostId: firstHost, generation: 4 });
  assert.deepEqual((await region.driver.servers.list()).map(({ id, hostId }) => [id, hostId]), [[spec.id, one.id]]);
});

test('a move that breaks off leaves the disk where it was, and repeating it brings it over (FAILURES 33)', async (t) => {
  let isBroken = true;
  const { region, hosts: [one, two] } = await regionOfTwo(t, (own) => ({
    ...own,
    servers: { ...own.servers, ensure: async (spec) => (isBroken && spec.power === 'running' && spec.generation === 2 ? assert.fail('it breaks because the test says so') : own.servers.ensure(spec)) },
  }));
  const spec = serverOf(one.id, region.images[0]);
  await region.driver.servers.ensure(spec);
  one.own.simulation.writeToServer(spec.id, 4096, Buffer.from('written on the first'));
  const written = await digestOf(region, spec);
  const onTwo = { ...spec, generation: 2, hostId: two.id };
  await two.stop();
  await until(() => !region.isConnected(two.id));

  await assert.rejects(region.driver.servers.ensure(onTwo), { kind: 'unavailable' });
  assert.deepEqual((await region.driver.servers.list()).map(({ id, hostId }) => [id, hostId]), [[spec.id, one.id]]);

  await two.again();
  await until(() => region.isConnected(two.id));
  await assert.rejects(region.driver.servers.ensure(onTwo), { kind: 'failed' });
  isBroken = false;
  await region.driver.servers.ensure(onTwo);
  assert.equal(await digestOf(region, onTwo), written);
  assert.deepEqual([await idsOn(one), await idsOn(two)], [[], [spec.id]]);
});

test('a host that comes back is let in when it has removed what was made anew elsewhere: no disk has two writers (FAILURES 14)', async (t) => {
  const told: string[][] = [];
  const { region, hosts: [one, two] } = await regionOfTwo(t, (own) => ({
    ...own,
    servers: {
      ...own.servers,
      async list() {
        const said = await own.servers.list();
        told.push(said.map(({ id }) => id));
        return said;
      },
    },
  }));
  const [lost, kept] = [serverOf(one.id, region.images[0]), serverOf(one.id, region.images[1])];
  for (const spec of [lost, kept]) await region.driver.servers.ensure(spec);
  await one.stop();
  await until(() => !region.isConnected(one.id));

  const evacuated: ServerSpec = { ...lost, generation: 2, hostId: two.id, rootDisk: { kind: 'image', image: region.images[0], sizeGiB: 0, epoch: 1 } };
  const state = await region.driver.servers.ensure(evacuated);

  assert.deepEqual([state.power, state.hostId], ['running', two.id]);
  assert.deepEqual(Object.fromEntries((await region.driver.servers.list()).map(({ id, hostId, power }) => [id, [hostId, power]])), { [lost.id]: [two.id, 'running'], [kept.id]: [one.id, 'unknown'] });
  await region.driver.servers.remove({ id: lost.id, hostId: one.id, generation: 2 });
  assert.deepEqual((await region.ledger.of(one.id)).find(({ serverId }) => serverId === lost.id)?.state, 'lost', 'it is remembered until it is done');

  const before = await digestOf(region, evacuated);
  told.length = 0;
  const back = await one.again();
  await until(() => region.isConnected(one.id));

  assert.deepEqual(told[0]?.toSorted(), [lost.id, kept.id].toSorted(), 'it came with both');
  assert.deepEqual(await idsOn(one), [kept.id], 'and nothing could be told to it before it had removed one');
  assert.throws(() => back.own.simulation.writeToServer(lost.id, 4096, Buffer.from('by the machine that was lost')), { kind: 'missing' });
  assert.equal(await digestOf(region, evacuated), before);
  assert.deepEqual((await region.ledger.of(one.id)).map(({ serverId, state: is }) => [serverId, is]), [[kept.id, 'holds']]);
  assert.deepEqual(region.said(/removed what went elsewhere/).map(({ hostId, servers }) => [hostId, servers]), [[one.id, [lost.id]]]);
});

test('what a machine sends of a disk is written anew before another one reads it, and is no larger than the disk can be', async (t) => {
  const { region, hosts: [one, two] } = await regionOfTwo(t, (own, blobs) => ({
    ...own,
    servers: {
      ...own.servers,
      async capture(capture) {
        const header = Buffer.alloc(65_536);
        header.writeUInt32BE(0x51_46_49_fb, 0);
        header.writeUInt32BE(3, 4);
        header.writeBigUInt64BE(evil === 'backing' ? 104n : 0n, 8);
        header.writeUInt32BE(16, 20);
        header.writeBigUInt64BE(evil === 'backing' ? 1_048_576n : 2n ** 60n, 24);
        await writeFile(blobs.incomingPath(capture.upload), header);
        await blobs.bring(capture.upload);
        return { upload: capture.upload, format: 'qcow2', sizeBytes: header.length };
      },
    },
  }));
  let evil: 'backing' | 'huge' = 'backing';
  const spec = serverOf(one.id, region.images[0]);
  await region.driver.servers.ensure(spec);

  await assert.rejects(region.driver.servers.ensure({ ...spec, generation: 2, hostId: two.id }), { kind: 'failed', message: /backing file is not read/ });
  evil = 'huge';
  await assert.rejects(region.driver.servers.ensure({ ...spec, generation: 2, hostId: two.id }), { kind: 'failed', message: /It is 1152921504606847000 bytes large/ });
  assert.deepEqual([await idsOn(two), (await region.ledger.holderOf(spec.id))?.hostId], [[], one.id]);
});

type Lie = NonNullable<NonNullable<Parameters<Region['run']>[1]>['lie']>;

async function regionOfTwo(t: TestContext, lie?: Lie) {
  const region = await regionWithGate(t);
  const hosts = await Promise.all(['rack-1', 'rack-2'].map((name) => hostOf(region, name, lie)));
  await until(() => hosts.every(({ id }) => region.isConnected(id)));
  const firstHost = (await region.first.hosts.list())[0]!.id;
  return { region, hosts: hosts as [Host, Host], firstHost };
}

type Host = Awaited<ReturnType<typeof hostOf>>;

async function hostOf(region: Region, name: string, lie?: Lie) {
  const identity = await region.enrol(await region.invite(name));
  const start = () => region.run(identity, lie ? { name, lie } : { name });
  let running = await start();
  return {
    id: identity.hostId,
    get own() {
      return running.own;
    },
    stop: () => running.stop(),
    /** With what it had on its disk. */
    again: async () => (running = await start()),
  };
}

async function idsOn({ own }: Host): Promise<string[]> {
  return (await own.servers.list()).map(({ id }) => id);
}

async function digestOf(region: Region, { id, hostId }: ServerSpec): Promise<string> {
  const upload = randomUUID();
  await region.driver.servers.capture({ id, hostId, upload });
  return contentDigest(region.blobs.incomingPath(upload), 'qcow2');
}
