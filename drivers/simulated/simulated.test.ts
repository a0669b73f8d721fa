import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { contentDigest, putImage, putImageFile } from '../driver.fixtures.ts';
import { driverSuite } from '../driver.suite.ts';
import { DriverError } from '../driver.ts';
import { serverOf } from '../spec.fixtures.ts';
import { writeQcow2 } from '../../kit/qcow2.ts';
import { simulatedFixture } from './simulated.fixtures.ts';
import { createSimulatedDriver, type SimulatedOptions } from './simulated.ts';

driverSuite('simulated', simulatedFixture);

test('a capture of a server made from a qcow2 image is that image, byte for byte', async (t) => {
  const { driver, blobs, folder, hostId } = await openRegion(t);
  const path = join(folder, 'web.qcow2');
  const virtualSize = 3 * 2 ** 20;
  await writeQcow2(path, virtualSize, [{ offset: 2 ** 20, bytes: Buffer.from('the guest') }]);
  const image = await putImageFile(join(folder, 'blobs'), path, 'qcow2', virtualSize);
  const spec = serverOf(hostId, image);
  await driver.servers.ensure(spec);

  const { upload } = await driver.servers.capture({ id: spec.id, hostId, upload: randomUUID() });

  const captured = await readFile(blobs.incomingPath(upload));
  assert.equal(createHash('sha256').update(captured).digest('hex'), image.sha256);
});

test('what the guest wrote is in the capture, over the bytes of the image', async (t) => {
  const { driver, blobs, folder, images, hostId } = await openRegion(t);
  const spec = serverOf(hostId, images[0]);
  await driver.servers.ensure(spec);
  driver.simulation.writeToServer(spec.id, 65_530, Buffer.from('across two clusters'));

  const { upload } = await driver.servers.capture({ id: spec.id, hostId, upload: randomUUID() });

  const wanted = await readFile(await blobs.path(images[0].sha256));
  wanted.write('across two clusters', 65_530);
  const { sha256 } = await putImage(join(folder, 'blobs'), wanted, 'raw', wanted.length);
  assert.equal(await contentDigest(blobs.incomingPath(upload), 'qcow2'), await contentDigest(await blobs.path(sha256), 'raw'));
});

test('a server keeps its bytes when the blob store has lost them, and an image in use is not forgotten', async (t) => {
  const { driver, blobs, images, hostId } = await openRegion(t);
  const spec = serverOf(hostId, images[0]);
  await driver.servers.ensure(spec);
  const original = await contentDigest(await blobs.path(images[0].sha256), 'raw');

  await rm(await blobs.path(images[0].sha256));
  await assert.rejects(driver.images.forget(images[0]), { kind: 'failed' });

  const { upload } = await driver.servers.capture({ id: spec.id, hostId, upload: randomUUID() });
  assert.equal(await contentDigest(blobs.incomingPath(upload), 'qcow2'), original);
});

test('a call that fails after its work has done it', async (t) => {
  const calls: unknown[] = [];
  const { driver, images, hostId } = await openRegion(t, {
    faults: (call, phase) => {
      calls.push([call, phase]);
      if (call.method === 'servers.ensure' && phase === 'after') throw new DriverError('unavailable', 'timed out');
    },
  });
  const spec = serverOf(hostId, images[0]);
  calls.length = 0;

  await assert.rejects(driver.servers.ensure(spec), { kind: 'unavailable' });

  assert.deepEqual(calls, [
    [{ method: 'servers.ensure', id: spec.id }, 'before'],
    [{ method: 'servers.ensure', id: spec.id }, 'after'],
  ]);
  assert.deepEqual((await driver.servers.list()).map(({ id, power }) => ({ id, power })), [{ id: spec.id, power: 'running' }]);
});

test('a call that fails before its work has not done it, and the next about the same server goes on', async (t) => {
  let isFailing = true;
  const { driver, images, hostId } = await openRegion(t, {
    faults: ({ method }, phase) => {
      if (isFailing && method === 'servers.ensure' && phase === 'before') throw new DriverError('failed', 'the engine said no');
    },
  });
  const spec = serverOf(hostId, images[0]);

  await assert.rejects(driver.servers.ensure(spec), { kind: 'failed' });
  assert.deepEqual(await driver.servers.list(), []);

  isFailing = false;
  assert.equal((await driver.servers.ensure(spec)).power, 'running');
});

test('a crashed server says so until it is wanted again', async (t) => {
  const { driver, images, hostId } = await openRegion(t);
  const spec = serverOf(hostId, images[0]);
  await driver.servers.ensure(spec);

  driver.simulation.crash(spec.id);
  assert.deepEqual((await driver.servers.list()).map(({ power }) => power), ['crashed']);
  await assert.rejects(driver.servers.reboot({ id: spec.id, hostId, generation: 1 }), { kind: 'failed' });

  await driver.servers.ensure(spec);
  const log = await driver.servers.consoleLog({ id: spec.id, hostId });
  assert.equal(log.match(/login:/g)?.length, 2);
});

test('the console grows while the guest starts, and names it', async (t) => {
  let now = 1_000_000;
  const { driver, images, hostId } = await openRegion(t, { bootMs: 10_000, clock: { now: () => new Date(now) } });
  const spec = serverOf(hostId, images[0]);
  await driver.servers.ensure(spec);
  const consoleLog = (lines?: number) => driver.servers.consoleLog({ id: spec.id, hostId, lines });

  assert.equal(await consoleLog(), '');
  now += 5_000;
  const half = await consoleLog();
  assert.match(half, /Linux version/);
  assert.doesNotMatch(half, /login:/);
  now += 5_000;

  const whole = await consoleLog();
  assert.ok(whole.startsWith(half));
  for (const line of [`instance-id: ${spec.id}`, 'local-hostname: web', 'authorized keys: 1']) assert.ok(whole.includes(line), line);
  assert.equal(await consoleLog(1), 'web login: ');
  assert.equal((await consoleLog(10)).split('\n').length, 10);
});

test('a host refuses what it has no room for', async (t) => {
  const { driver, images, hostId } = await openRegion(t, { hostShape: { vcpus: 8, memoryMiB: 1024, diskGiB: 10 } });
  const withDisk = (sizeGiB: number) => ({ ...serverOf(hostId, images[0]), rootDisk: { kind: 'image' as const, image: images[0], sizeGiB, epoch: 0 } });

  await driver.servers.ensure(withDisk(6));
  await assert.rejects(driver.servers.ensure(withDisk(5)), { kind: 'exhausted' });
  await assert.rejects(driver.servers.ensure({ ...serverOf(hostId, images[0]), memoryMiB: 2048 }), { kind: 'exhausted' });

  assert.equal((await driver.hosts.list()).find(({ id }) => id === hostId)?.freeDiskGiB, 4);
});

test('a network resource that needs another is refused without it, and nothing of its batch is kept', async (t) => {
  const { driver } = await openRegion(t);
  const group = { kind: 'security-group' as const, id: randomUUID(), projectId: 'p', generation: 1, stateful: true, rules: [] };
  const port = {
    kind: 'port' as const, id: randomUUID(), projectId: 'p', generation: 1, networkId: randomUUID(), adminUp: true, mac: 'fa:16:3e:00:00:01',
    addresses: [], portSecurity: true, allowedAddressPairs: [], securityGroups: [group.id], hostId: null,
  };

  await assert.rejects(driver.networks.ensure([group, port]), { kind: 'missing' });

  assert.deepEqual(await driver.networks.compare([]), []);
});

test('a region is open once', async (t) => {
  const { driver, options } = await openRegion(t);

  assert.throws(() => createSimulatedDriver(options), { kind: 'unavailable' });
  await driver.close();

  await assert.rejects(driver.servers.list(), { kind: 'unavailable' });
  await createSimulatedDriver(options).close();
});

test('a region that grows keeps its hosts', async (t) => {
  const { driver, options } = await openRegion(t);
  const ids = (await driver.hosts.list()).map(({ id }) => id);
  await driver.close();

  const grown = createSimulatedDriver({ ...options, hosts: 5 });
  const after = (await grown.hosts.list()).map(({ id }) => id);
  await grown.close();

  assert.deepEqual(after.slice(0, 3), ids);
  assert.equal(new Set(after).size, 5);
});

async function openRegion(t: TestContext, more: Partial<SimulatedOptions> = {}) {
  const fixture = await simulatedFixture(t, more);
  const [host] = await fixture.driver.hosts.list();
  return { ...fixture, hostId: host!.id };
}
