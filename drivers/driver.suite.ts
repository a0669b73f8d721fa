/**
 * What every driver keeps, as sentences. A driver's own test file calls `driverSuite` with a way to make it.
 *
 * Engines differ in how soon a thing that was done can be seen, so what is seen is waited for; what
 * was said to be done is not.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { diskSize } from '../kit/qcow2.ts';
import { contentDigest, putImageFile } from './driver.fixtures.ts';
import type {
  BlobStore, ConsoleKind, DiskKeys, Driver, DriverErrorKind, NetworkResource, NetworkResourceRef, NetworkSpec, PortSpec, PowerState,
  ServerSpec, VettedImage, VolumeSpec,
} from './driver.ts';
import { addressIn, groupSpec, keysFor, networkSpec, nicOf, outsideOf, portOn, projectId, routerBetween, serverOf, stateOf } from './spec.fixtures.ts';

export type DriverFixture = {
  driver: Driver;
  /** With different bytes. The second is not larger than the first. */
  images: readonly [VettedImage, VettedImage];
  blobs: BlobStore;
  /** Closes the driver and makes it again, over the same region. */
  reopen(): Promise<Driver>;
  /** Writes to a volume as its guest would; without it, what a write changes is not looked at. */
  writeToVolume?(volumeId: string, offset: number, bytes: Uint8Array, keys?: DiskKeys): void | Promise<void>;
  /** What whoever steals the storage gets of a volume or snapshot; null when it has nothing of that id. */
  readStorage?(id: string): Promise<Buffer | null>;
  /** All that the driver and its engines keep on the host. */
  stateDir?: string;
};

export type DriverTraits = {
  /** For one sentence. */
  timeoutMs: number;
  /** The smallest machine in which the images' guest starts. */
  machine: { vcpus: number; memoryMiB: number };
  powers: PowerState[];
  /** What a guest writes to its console once each time it starts; null when a console forgets earlier starts. */
  bootLine: RegExp | null;
  /** How many lines it writes there at least. */
  consoleLines: number;
  /** Machines' screens and serial lines can be opened. */
  opensConsoles: boolean;
  /** A machine made stopped has the image's bytes and no others. */
  keepsBytes: boolean;
  /** A stopped machine can be given another host, and takes its disk along. */
  moves: boolean;
  /** An external network's physical name. */
  physicalNetwork: string | null;
  /** Which addresses are to be had on it, where that is not for us to say: ends in `.0/24`. */
  externalCidr: string | null;
  /** It has volumes that several servers use at once. */
  shares: boolean;
  /** It has volumes that lie on the storage as ciphertext. */
  locks: boolean;
  /** Disks have bytes that can be read again; where clouds only pretend to have disks, a capture is merely made. */
  holdsBytes: boolean;
};

const QUICK: DriverTraits = {
  timeoutMs: 20_000,
  machine: { vcpus: 1, memoryMiB: 64 },
  powers: ['running', 'paused', 'suspended', 'stopped'],
  bootLine: /login:/g,
  consoleLines: 4,
  opensConsoles: true,
  keepsBytes: true,
  moves: true,
  shares: true,
  locks: true,
  physicalNetwork: 'external',
  externalCidr: null,
  holdsBytes: true,
};

export function driverSuite(name: string, makeDriver: (t: TestContext) => Promise<DriverFixture>, given: { traits?: Partial<DriverTraits> } = {}): void {
  const traits = { ...QUICK, ...given.traits };

  function otherBytes(one: string, other: string): void {
    if (traits.holdsBytes) assert.notEqual(one, other);
  }

  function sentence(text: string, body: (region: TestRegion) => Promise<void>): void {
    test(`${name}: ${text}`, { timeout: traits.timeoutMs }, async (t) => {
      const region = await openRegion(await makeDriver(t), traits);
      try {
        await body(region);
      } finally {
        await region.clear();
      }
    });
  }

  sentence('each host has a name of its own and says what room it has', async ({ driver }) => {
    const hosts = await driver().hosts.list();

    assert.ok(hosts.length > 0);
    assert.equal(new Set(hosts.map(({ id }) => id)).size, hosts.length);
    for (const { hostname, vcpus, memoryMiB, diskGiB, freeDiskGiB, hypervisorVersion } of hosts) {
      assert.ok(hostname);
      assert.ok(vcpus > 0 && memoryMiB > 0 && diskGiB > 0 && freeDiskGiB >= 0 && Number.isInteger(hypervisorVersion));
    }
  });

  // Volumes

  sentence('a volume that is made twice is there once, and one that is removed twice is gone', async ({ driver, volume }) => {
    const spec = volume();

    await driver().volumes.ensure(spec);
    await driver().volumes.ensure(spec);
    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: spec.id, sizeGiB: 1 }]);

    await driver().volumes.remove({ id: spec.id, generation: 2 });
    await driver().volumes.remove({ id: spec.id, generation: 2 });
    assert.deepEqual((await driver().volumes.list()).volumes, []);
  });

  sentence('a volume grows and never shrinks', async ({ driver, volume }) => {
    const spec = volume();

    await driver().volumes.ensure(spec);
    await driver().volumes.ensure({ ...spec, generation: 2, sizeGiB: 2 });
    await refused('invalid', driver().volumes.ensure({ ...spec, generation: 3, sizeGiB: 1 }));

    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: spec.id, sizeGiB: 2 }]);
  });

  sentence('volumes and snapshots made from one another hold the same bytes', async ({ driver, images, volume, volumeDigest }) => {
    const [image] = images;
    const original = volume({ source: { kind: 'image', image } });
    const copy = volume({ source: { kind: 'volume', volumeId: original.id } });
    const snapshot = { id: randomUUID(), projectId, volumeId: original.id, generation: 1 };
    const restored = volume({ sizeGiB: 2, source: { kind: 'snapshot', snapshotId: snapshot.id } });

    await driver().volumes.ensure(original);
    await driver().volumes.ensure(copy);
    await driver().volumes.ensureSnapshot(snapshot);
    await driver().volumes.ensureSnapshot(snapshot);
    await driver().volumes.ensure(restored);

    const digest = await volumeDigest(original.id);
    otherBytes(digest, await emptyDigest(driver(), volume, volumeDigest));
    assert.equal(await volumeDigest(copy.id), digest);
    assert.equal(await volumeDigest(restored.id), digest);
    assert.deepEqual((await driver().volumes.list()).snapshots, [{ id: snapshot.id, volumeId: original.id }]);
  });

  sentence('a volume keeps its bytes when what it was made from is gone', async ({ driver, images, volume, volumeDigest }) => {
    const original = volume({ source: { kind: 'image', image: images[0] } });
    const copy = volume({ source: { kind: 'volume', volumeId: original.id } });
    await driver().volumes.ensure(original);
    const digest = await volumeDigest(original.id);
    await driver().volumes.ensure(copy);

    await driver().volumes.remove({ id: original.id, generation: 2 });
    await driver().volumes.ensure(copy);

    assert.equal(await volumeDigest(copy.id), digest);
  });

  sentence('a snapshot stays as it was when its volume changes', async ({ driver, images, volume, volumeDigest, writeToVolume }) => {
    const original = volume({ source: { kind: 'image', image: images[0] } });
    const snapshot = { id: randomUUID(), projectId, volumeId: original.id, generation: 1 };
    const restored = volume({ source: { kind: 'snapshot', snapshotId: snapshot.id } });
    await driver().volumes.ensure(original);
    const digest = await volumeDigest(original.id);
    await driver().volumes.ensureSnapshot(snapshot);

    await driver().volumes.ensure({ ...original, generation: 2, sizeGiB: 2 });
    if (writeToVolume) {
      await writeToVolume(original.id, 4096, Buffer.from('written after the snapshot'));
      otherBytes(await volumeDigest(original.id), digest);
    }
    await driver().volumes.ensureSnapshot(snapshot);

    // Of the size that the volume had: from a larger one, one GiB would be invalid.
    await driver().volumes.ensure(restored);
    assert.equal(await volumeDigest(restored.id), digest);
  });

  sentence('what is on a volume is replaced when its epoch grows, once, and never while a server uses it', async ({ driver, images, volume, server, volumeDigest, writeToVolume }) => {
    const [image, other] = images;
    const data = volume({ source: { kind: 'image', image } });
    const snapshot = { id: randomUUID(), projectId, volumeId: data.id, generation: 1 };
    await driver().volumes.ensure(data);
    await driver().volumes.ensureSnapshot(snapshot);
    const digest = await volumeDigest(data.id);

    const anew = { ...data, generation: 2, epoch: 1, source: { kind: 'image' as const, image: other } };
    await driver().volumes.ensure(anew);
    const replaced = await volumeDigest(data.id);
    otherBytes(replaced, digest);
    if (writeToVolume) await writeToVolume(data.id, 4096, Buffer.from('written after that'));
    const before = await volumeDigest(data.id);
    await driver().volumes.ensure(anew);
    assert.equal(await volumeDigest(data.id), before);

    const reverted: VolumeSpec = { ...data, generation: 3, epoch: 2, sizeGiB: 2, source: { kind: 'snapshot', snapshotId: snapshot.id } };
    await driver().volumes.ensure(reverted);
    await driver().volumes.ensure({ ...data, generation: 4, sizeGiB: 2 });
    assert.equal(await volumeDigest(data.id), digest);
    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: data.id, sizeGiB: 2 }]);

    await driver().servers.ensure(server({ power: 'stopped', volumes: [{ volumeId: data.id, device: '/dev/vdb' }] }));
    await refused('failed', driver().volumes.ensure({ ...reverted, generation: 5, epoch: 3 }));
  });

  sentence('a snapshot is captured as it was taken', async ({ driver, images, volume, volumeDigest, snapshotDigest }) => {
    const data = volume({ source: { kind: 'image', image: images[0] } });
    const snapshot = { id: randomUUID(), projectId, volumeId: data.id, generation: 1 };
    await driver().volumes.ensure(data);
    await driver().volumes.ensureSnapshot(snapshot);
    const digest = await volumeDigest(data.id);
    await driver().volumes.ensure({ ...data, generation: 2, epoch: 1, source: { kind: 'empty' } });

    assert.equal(await snapshotDigest(snapshot), digest);
    await refused('missing', driver().volumes.capture({ volumeId: data.id, snapshotId: randomUUID(), upload: randomUUID() }));
  });

  sentence('a snapshot that is removed twice is gone', async ({ driver, volume }) => {
    const original = volume();
    const snapshot = { id: randomUUID(), projectId, volumeId: original.id, generation: 1 };
    await driver().volumes.ensure(original);
    await driver().volumes.ensureSnapshot(snapshot);

    await driver().volumes.removeSnapshot({ ...snapshot, generation: 2 });
    await driver().volumes.removeSnapshot({ ...snapshot, generation: 2 });

    assert.deepEqual((await driver().volumes.list()).snapshots, []);
  });

  if (traits.locks) {
    const encryption = { cipher: 'aes-256-xts' as const };

    sentence('what is on a locked volume, its snapshots and its copies is ciphertext on the storage, and the same to whoever has their keys', async ({ driver, images, volume, volumeDigest, snapshotDigest, writeToVolume, readStorage, imageText }) => {
      const plain = volume({ source: { kind: 'image', image: images[1] } });
      const locked = volume({ source: plain.source, encryption });
      const snapshot = { id: randomUUID(), projectId, volumeId: locked.id, generation: 1 };
      const copy = volume({ source: { kind: 'volume', volumeId: locked.id }, encryption });
      const restored = volume({ sizeGiB: 2, source: { kind: 'snapshot', snapshotId: snapshot.id }, encryption });
      const readable = volume({ source: { kind: 'snapshot', snapshotId: snapshot.id } });
      const keys = keysFor(locked.id, snapshot.id, copy.id, restored.id);
      const text = writeToVolume ? 'what a guest has written' : await imageText(images[1]);

      for (const spec of [plain, locked]) {
        await driver().volumes.ensure({ ...spec, keys });
        await writeToVolume?.(spec.id, 4096, Buffer.from(text), keys);
      }
      await driver().volumes.ensureSnapshot({ ...snapshot, keys });
      for (const spec of [copy, restored, readable]) await driver().volumes.ensure({ ...spec, keys });

      const digest = await volumeDigest(plain.id);
      for (const id of [locked.id, copy.id, restored.id, readable.id]) assert.equal(await volumeDigest(id, keys), digest);
      assert.equal(await snapshotDigest(snapshot, keys), digest);
      if (readStorage) {
        for (const id of [plain.id, readable.id]) assert.ok((await readStorage(id))!.includes(text));
        for (const id of [locked.id, snapshot.id, copy.id, restored.id]) assert.ok(!(await readStorage(id))!.includes(text));
      }
      await refused('invalid', driver().volumes.capture({ volumeId: locked.id, upload: randomUUID() }));
      await refused('failed', driver().volumes.capture({ volumeId: locked.id, upload: randomUUID(), keys: { [locked.id]: keys[copy.id]! } }));
      await driver().volumes.removeSnapshot({ ...snapshot, generation: 2 });
      await driver().volumes.remove({ id: locked.id, generation: 2 });
      if (readStorage) for (const id of [snapshot.id, locked.id]) assert.equal(await readStorage(id), null);
    });

    sentence('what is captured of a locked disk as it is can be read by its key only, and becomes another locked volume', async ({ driver, images, volume, server, volumeDigest, captureLocked, writeToVolume, imageText }) => {
      const locked = volume({ source: { kind: 'image', image: images[1] }, encryption });
      const plain = volume({ source: locked.source });
      const snapshot = { id: randomUUID(), projectId, volumeId: locked.id, generation: 1 };
      const keys = keysFor(locked.id, snapshot.id);
      const text = writeToVolume ? 'what a guest has written' : await imageText(images[1]);
      await driver().volumes.ensure({ ...locked, keys });
      await driver().volumes.ensure(plain);
      await writeToVolume?.(locked.id, 4096, Buffer.from(text), keys);
      await driver().volumes.ensureSnapshot({ ...snapshot, keys });
      const digest = await volumeDigest(locked.id, keys);

      const comesAgain = async (of: { volumeId: string; snapshotId?: string }) => {
        const { image, bytes } = await captureLocked({ ...of, keys });
        assert.ok(!bytes.includes(text));
        const id = of.snapshotId ?? of.volumeId;
        const again = volume({ sizeGiB: 2, source: { kind: 'image', image, lockedAs: id }, encryption });
        const known = { ...keysFor(again.id), [id]: keys[id]! };
        await refused('invalid', driver().volumes.ensure({ ...again, keys: { [again.id]: known[again.id]! } }));
        await driver().volumes.ensure({ ...again, keys: known });
        assert.equal(await volumeDigest(again.id, known), digest);
        return bytes;
      };
      const [one, other] = [await comesAgain({ volumeId: locked.id }), await comesAgain({ volumeId: locked.id })];
      assert.ok(one.equals(other));
      await comesAgain({ volumeId: locked.id, snapshotId: snapshot.id });
      await refused('invalid', driver().volumes.capture({ volumeId: plain.id, upload: randomUUID(), locked: true }));
      await refused('invalid', driver().volumes.capture({ volumeId: locked.id, upload: randomUUID(), locked: true }));

      await driver().servers.ensure({ ...server(), volumes: [{ volumeId: locked.id, device: '/dev/vdb' }], keys });
      await comesAgain({ volumeId: locked.id });
    });

    sentence('a server uses a locked volume like any other, and its key is nowhere on the host', async ({ driver, images, volume, server, volumeDigest, snapshotDigest, kept }) => {
      const data = volume({ source: { kind: 'image', image: images[1] }, encryption });
      const snapshot = { id: randomUUID(), projectId, volumeId: data.id, generation: 1 };
      const keys = keysFor(data.id, snapshot.id);
      const spec = server();
      await driver().volumes.ensure({ ...data, keys });
      const digest = await volumeDigest(data.id, keys);
      await driver().servers.ensure(spec);

      const using = { ...spec, generation: 2, volumes: [{ volumeId: data.id, device: '/dev/vdb' }] };
      await refused('invalid', driver().servers.ensure(using));
      assert.deepEqual(await driver().servers.ensure({ ...using, keys }), stateOf(using));
      await driver().volumes.ensure({ ...data, generation: 2, sizeGiB: 2, keys });
      await driver().volumes.ensureSnapshot({ ...snapshot, keys });
      assert.equal(await volumeDigest(data.id, keys), digest);
      assert.equal(await snapshotDigest(snapshot, keys), digest);
      await refused('failed', driver().volumes.ensure({ ...data, generation: 3, sizeGiB: 2, encryption: null, keys }));

      const restarted = { ...using, generation: 3, bootEpoch: 1 };
      assert.deepEqual(await driver().servers.ensure({ ...restarted, keys }), stateOf(restarted));
      for (const key of Object.values(keys)) assert.deepEqual(await kept(key), []);
    });

    sentence('a server starts from a locked volume, and what it starts from is captured', async ({ driver, images, volume, server, boots, volumeDigest, serverDigest }) => {
      const root = volume({ sizeGiB: 1, source: { kind: 'image', image: images[0] }, encryption });
      const keys = keysFor(root.id);
      const spec = server({ rootDisk: { kind: 'volume', volumeId: root.id }, keys });
      await driver().volumes.ensure({ ...root, keys });
      const digest = await volumeDigest(root.id, keys);

      await driver().servers.ensure({ ...spec, power: 'stopped' });
      assert.equal(await serverDigest(spec, keys), digest);
      await driver().servers.ensure({ ...spec, generation: 2 });
      await boots(spec, 1);
      await serverDigest(spec, keys);
    });

    sentence('a volume is locked where it lies, and unlocked again', async ({ driver, images, volume, volumeDigest, readStorage, writeToVolume, imageText }) => {
      const data = volume({ source: { kind: 'image', image: images[1] } });
      const keys = keysFor(data.id);
      const text = writeToVolume ? 'what a guest has written' : await imageText(images[1]);
      await driver().volumes.ensure(data);
      await writeToVolume?.(data.id, 4096, Buffer.from(text));
      const digest = await volumeDigest(data.id);

      for (const round of [1, 2]) await driver().volumes.ensure({ ...data, generation: 1 + round, source: { kind: 'empty' }, encryption, keys });
      assert.equal(await volumeDigest(data.id, keys), digest);
      if (readStorage) assert.ok(!(await readStorage(data.id))!.includes(text));

      await driver().volumes.ensure({ ...data, generation: 4, source: { kind: 'empty' }, encryption: null, keys });
      assert.equal(await volumeDigest(data.id), digest);
    });
  }

  sentence('an image can be forgotten, twice too, and be used again', async ({ driver, images, volume }) => {
    const first = volume({ source: { kind: 'image', image: images[0] } });
    await driver().volumes.ensure(first);
    await driver().volumes.remove({ id: first.id, generation: 2 });

    await driver().images.forget(images[0]);
    await driver().images.forget(images[0]);

    await driver().volumes.ensure(volume({ source: { kind: 'image', image: images[0] } }));
  });

  // Servers

  sentence('a server that is made twice is there once, and one that is removed twice is gone', async ({ driver, server, boots }) => {
    const spec = server();

    const state = await driver().servers.ensure(spec);
    const booted = await boots(spec, 1);
    assert.deepEqual(state, stateOf(spec));
    assert.deepEqual(await driver().servers.ensure(spec), state);
    assert.deepEqual(await driver().servers.list(), [state]);
    assert.equal(await boots(spec, 1), booted);

    await driver().servers.remove({ id: spec.id, hostId: spec.hostId, generation: 2 });
    await driver().servers.remove({ id: spec.id, hostId: spec.hostId, generation: 2 });
    assert.deepEqual(await driver().servers.list(), []);
    await refused('missing', driver().servers.consoleLog({ id: spec.id, hostId: spec.hostId }));
  });

  sentence('a server takes on every power state from every other', async ({ driver, server }) => {
    const spec = server({ power: 'stopped' });
    await driver().servers.ensure(spec);
    const tour = traits.powers.flatMap((from) => traits.powers.flatMap((to) => [from, to]));

    let generation = 1;
    for (const power of tour) {
      const wanted = { ...spec, power, generation: ++generation };
      assert.deepEqual(await driver().servers.ensure(wanted), stateOf(wanted));
    }
  });

  sentence('a server restarts when it is asked to, and only while it runs', async ({ driver, server, boots }) => {
    const spec = server();
    const { id, hostId } = spec;
    await driver().servers.ensure(spec);
    const before = await boots(spec, 1);

    await driver().servers.reboot({ id, hostId, generation: 1 });
    await boots(spec, before + 1);
    await driver().servers.ensure({ ...spec, generation: 2, power: 'stopped' });

    await refused('failed', driver().servers.reboot({ id, hostId, generation: 2 }));
    await refused('missing', driver().servers.reboot({ id: randomUUID(), hostId, generation: 1 }));
  });

  sentence('a server restarts from power-off when its boot epoch grows', async ({ driver, server, boots }) => {
    const spec = server();
    await driver().servers.ensure(spec);
    const before = await boots(spec, 1);
    const again = { ...spec, generation: 2, bootEpoch: 1 };

    assert.deepEqual(await driver().servers.ensure(again), stateOf(again));
    const after = await boots(spec, before + 1);
    await driver().servers.ensure(again);

    assert.equal(await boots(spec, after), after);
  });

  sentence('a server that is shut down has stopped, and shutting it down again changes nothing', async ({ driver, server }) => {
    const spec = server();
    const { id, hostId } = spec;
    await driver().servers.ensure(spec);

    await driver().servers.shutdown({ id, hostId, generation: 1, seconds: 1 });
    await driver().servers.shutdown({ id, hostId, generation: 1, seconds: 1 });

    assert.deepEqual(await driver().servers.list(), [stateOf({ ...spec, power: 'stopped' })]);
    await refused('missing', driver().servers.shutdown({ id: randomUUID(), hostId, generation: 1, seconds: 1 }));
  });

  sentence('the console shows what the guest wrote, and its last lines when asked for', async ({ driver, server, boots }) => {
    const spec = server();
    const { id, hostId } = spec;
    await driver().servers.ensure(spec);
    await boots(spec, 1);

    await eventually(traits, async () => {
      const lines = traits.consoleLines - 1;
      const [all, last] = [await driver().servers.consoleLog({ id, hostId }), await driver().servers.consoleLog({ id, hostId, lines })];
      assert.ok(all.trimEnd().split('\n').length > lines);
      assert.equal(last.replace(/\n$/, '').split('\n').length, lines);
      assert.ok(all.endsWith(last));
    });
  });

  sentence('a running server has a screen and a serial line, and one that is off has neither', async ({ driver, server, boots }) => {
    const spec = server();
    await driver().servers.ensure(spec);
    await boots(spec, 1);
    const open = (kind: ConsoleKind) => driver().consoles.open({ serverId: spec.id, hostId: spec.hostId, kind });
    if (!traits.opensConsoles) return refused('invalid', open('vnc'));

    const screen = await open('vnc');
    assert.match(await heard(screen), /^RFB 003\.008\n$/);
    screen.destroy();
    const line = await open('serial');
    let said = '';
    line.on('data', (chunk: Buffer) => (said += chunk.toString('latin1')));
    await eventually(traits, async () => {
      // A guest that has just shown its prompt may still drop what comes.
      line.write('\n');
      assert.match(said, /\S/);
    });

    const closed = once(line, 'close');
    await driver().servers.ensure({ ...spec, generation: 2, power: 'stopped' });
    await closed;
    await refused('missing', open('vnc'));
    await refused('missing', driver().consoles.open({ serverId: randomUUID(), hostId: spec.hostId, kind: 'serial' }));
  });

  sentence('volumes come to a running server and leave it, and it does not restart', async ({ driver, server, volume, boots }) => {
    const [one, two] = [volume(), volume()];
    await driver().volumes.ensure(one);
    await driver().volumes.ensure(two);
    const spec = server();
    await driver().servers.ensure(spec);
    const booted = await boots(spec, 1);

    const steps = [[one], [two, one], [two], []];
    for (const [index, volumes] of steps.entries()) {
      const attached = volumes.map(({ id }) => ({ volumeId: id, device: id === one.id ? '/dev/vdb' : '/dev/vdc' }));
      const wanted = { ...spec, generation: 2 + index, volumes: attached };
      assert.deepEqual(await driver().servers.ensure(wanted), stateOf(wanted));
      assert.deepEqual(await driver().servers.ensure(wanted), stateOf(wanted));
    }
    assert.equal(await boots(spec, 1), booted);
  });

  sentence('a volume that a server uses can grow, and can neither be removed nor used by another', async ({ driver, server, volume }) => {
    const data = volume();
    await driver().volumes.ensure(data);
    const spec = server({ volumes: [{ volumeId: data.id, device: '/dev/vdb' }] });
    await driver().servers.ensure(spec);

    await driver().volumes.ensure({ ...data, generation: 2, sizeGiB: 2 });
    await refused('failed', driver().volumes.remove({ id: data.id, generation: 3 }));
    await refused('failed', driver().servers.ensure(server({ volumes: spec.volumes })));
    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: data.id, sizeGiB: 2 }]);

    await driver().servers.ensure({ ...spec, generation: 2, volumes: [] });
    await driver().volumes.remove({ id: data.id, generation: 3 });
    assert.deepEqual((await driver().volumes.list()).volumes, []);
  });

  sentence('a shared volume is used by several servers at once, can grow meanwhile, and is for one again when none has it (FAILURES 7)', async ({ driver, server, volume }) => {
    const data = volume({ shared: true });
    if (!traits.shares) return refused('invalid', driver().volumes.ensure(data));
    await driver().volumes.ensure(data);
    const disks = [{ volumeId: data.id, device: '/dev/vdb' }];
    const [one, other] = [server({ volumes: disks }), server({ volumes: disks })];
    for (const spec of [one, other]) assert.deepEqual(await driver().servers.ensure(spec), stateOf(spec));

    await driver().volumes.ensure({ ...data, generation: 2, sizeGiB: 2 });
    const snapshot = { id: randomUUID(), projectId: data.projectId, volumeId: data.id, generation: 1 };
    await refused('failed', driver().volumes.ensureSnapshot(snapshot));
    await refused('failed', driver().volumes.ensure({ ...data, generation: 3, sizeGiB: 2, shared: false }));
    await driver().servers.ensure({ ...one, generation: 2, volumes: [] });
    await refused('failed', driver().volumes.remove({ id: data.id, generation: 4 }));
    await driver().volumes.ensureSnapshot(snapshot);
    await driver().servers.ensure({ ...other, generation: 2, volumes: [] });

    await driver().volumes.ensure({ ...data, generation: 5, sizeGiB: 2, shared: false });
    await driver().servers.ensure({ ...one, generation: 3, volumes: disks });
    await refused('failed', driver().servers.ensure({ ...other, generation: 3, volumes: disks }));
    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: data.id, sizeGiB: 2 }]);
    await driver().volumes.removeSnapshot({ ...snapshot, generation: 2 });
  });

  sentence('a server starts from a volume, which outlives it', async ({ driver, images, server, volume, boots }) => {
    const root = volume({ source: { kind: 'image', image: images[0] } });
    await driver().volumes.ensure(root);
    const spec = server({ rootDisk: { kind: 'volume', volumeId: root.id } });

    assert.deepEqual(await driver().servers.ensure(spec), stateOf(spec));
    await boots(spec, 1);
    await refused('failed', driver().volumes.remove({ id: root.id, generation: 2 }));
    await driver().servers.remove({ id: spec.id, hostId: spec.hostId, generation: 2 });

    assert.deepEqual((await driver().volumes.list()).volumes, [{ id: root.id, sizeGiB: 1 }]);
  });

  sentence('a capture of a server has the bytes of its root disk, and can be made again', async ({ driver, images, server, serverDigest, volume, volumeDigest }) => {
    const spec = server({ power: 'stopped' });
    const fromImage = volume({ source: { kind: 'image', image: images[0] } });
    await driver().servers.ensure(spec);
    await driver().volumes.ensure(fromImage);

    const digest = await serverDigest(spec);

    assert.equal(await serverDigest(spec), digest);
    if (traits.keepsBytes) assert.equal(digest, await volumeDigest(fromImage.id));
  });

  sentence('a root disk is made anew from the image when its epoch grows, and only then', async ({ driver, images, server, serverDigest }) => {
    const [first, second] = images;
    const spec = server({ power: 'stopped' });
    await driver().servers.ensure(spec);
    const before = await serverDigest(spec);

    await driver().servers.ensure({ ...spec, generation: 2, rootDisk: { kind: 'image', image: second, sizeGiB: 0, epoch: 0 } });
    assert.equal(await serverDigest(spec), before);

    await driver().servers.ensure({ ...spec, generation: 3, rootDisk: { kind: 'image', image: second, sizeGiB: 0, epoch: 1 } });
    const rebuilt = await serverDigest(spec);
    otherBytes(rebuilt, before);

    await driver().servers.ensure({ ...spec, generation: 4, rootDisk: { kind: 'image', image: first, sizeGiB: 0, epoch: 2 } });
    if (traits.keepsBytes) assert.equal(await serverDigest(spec), before);
  });

  sentence('a stopped server takes on other processors, memory and a larger disk', async ({ driver, images, server, serverDigest }) => {
    const spec = server({ power: 'stopped' });
    await driver().servers.ensure(spec);
    const digest = await serverDigest(spec);
    const rootDisk = { kind: 'image' as const, image: images[0], sizeGiB: 1, epoch: 0 };
    const larger = { ...spec, generation: 2, vcpus: spec.vcpus + 1, memoryMiB: spec.memoryMiB * 2, rootDisk };

    assert.deepEqual(await driver().servers.ensure(larger), stateOf(larger));
    assert.equal(await serverDigest(spec), digest);

    const running = { ...larger, generation: 3, power: 'running' as const };
    assert.deepEqual(await driver().servers.ensure(running), stateOf(running));
  });

  if (traits.moves)
    sentence('a stopped server moves to another host with its disk', async ({ driver, server, serverDigest }) => {
      const [from, to] = await driver().hosts.list();
      assert.ok(from && to, 'two hosts are needed to move between');
      const spec = server({ power: 'stopped', hostId: from.id });
      await driver().servers.ensure(spec);
      const digest = await serverDigest(spec);
      const moved = { ...spec, hostId: to.id, generation: 2 };

      assert.deepEqual(await driver().servers.ensure(moved), stateOf(moved));
      await driver().servers.remove({ id: spec.id, hostId: from.id, generation: 2 });

      assert.deepEqual(await driver().servers.list(), [stateOf(moved)]);
      assert.equal(await serverDigest(moved), digest);
    });

  sentence('what a server needs and is not there is said to be missing', async ({ driver, images, server, volume }) => {
    const { hostId } = server();
    const nowhere = randomUUID();
    const rootless = { ...images[0], sha256: 'f'.repeat(64) };

    await refused('missing', driver().servers.ensure(server({ hostId: nowhere })));
    await refused('missing', driver().servers.ensure(server({ volumes: [{ volumeId: nowhere, device: '/dev/vdb' }] })));
    await refused('missing', driver().servers.ensure(server({ rootDisk: { kind: 'volume', volumeId: nowhere } })));
    await refused('missing', driver().servers.ensure(server({ rootDisk: { kind: 'image', image: rootless, sizeGiB: 0, epoch: 0 } })));
    await refused('missing', driver().servers.capture({ id: nowhere, hostId, upload: randomUUID() }));
    await refused('missing', driver().volumes.ensure(volume({ source: { kind: 'volume', volumeId: nowhere } })));
    await refused('missing', driver().volumes.ensure(volume({ source: { kind: 'snapshot', snapshotId: nowhere } })));
    await refused('missing', driver().volumes.ensureSnapshot({ id: randomUUID(), projectId, volumeId: nowhere, generation: 1 }));
    await refused('missing', driver().volumes.capture({ volumeId: nowhere, upload: randomUUID() }));

    assert.deepEqual(await driver().servers.list(), []);
    assert.deepEqual(await driver().volumes.list(), { volumes: [], snapshots: [] });
  });

  // Generations and order

  sentence('a generation older than the newest that was seen is refused, after a removal too (FAILURES 9, 41)', async ({ driver, server, volume, network }) => {
    const [data, machine, { net }] = [volume({ generation: 5 }), server({ generation: 5, power: 'stopped' }), network({ generation: 5 })];
    const { id, hostId } = machine;
    const snapshot = { id: randomUUID(), projectId, volumeId: data.id, generation: 5 };
    await driver().volumes.ensure(data);
    await driver().volumes.ensureSnapshot(snapshot);
    await driver().servers.ensure(machine);
    await driver().networks.ensure([net]);

    await refused('stale', driver().volumes.ensure({ ...data, generation: 4, sizeGiB: 2 }));
    await refused('stale', driver().volumes.remove({ id: data.id, generation: 4 }));
    await refused('stale', driver().volumes.removeSnapshot({ ...snapshot, generation: 4 }));
    await refused('stale', driver().servers.ensure({ ...machine, generation: 4, power: 'running' }));
    await refused('stale', driver().servers.reboot({ id, hostId, generation: 4 }));
    await refused('stale', driver().servers.shutdown({ id, hostId, generation: 4, seconds: 1 }));
    await refused('stale', driver().servers.remove({ id, hostId, generation: 4 }));
    await refused('stale', driver().networks.ensure([{ ...net, generation: 4, mtu: 1300 }]));
    await refused('stale', driver().networks.remove([{ kind: 'network', id: net.id, generation: 4 }]));

    assert.deepEqual(await driver().servers.list(), [stateOf(machine)]);
    assert.deepEqual(await driver().volumes.list(), { volumes: [{ id: data.id, sizeGiB: 1 }], snapshots: [{ id: snapshot.id, volumeId: data.id }] });
    assert.deepEqual(await driver().networks.compare([net]), []);

    await driver().servers.remove({ id, hostId, generation: 6 });
    await driver().volumes.removeSnapshot({ ...snapshot, generation: 6 });
    await driver().volumes.remove({ id: data.id, generation: 6 });
    await driver().networks.remove([{ kind: 'network', id: net.id, generation: 6 }]);

    await refused('stale', driver().servers.ensure(machine));
    await refused('stale', driver().volumes.ensure(data));
    await refused('stale', driver().networks.ensure([net]));
    assert.deepEqual(await driver().servers.list(), []);
    assert.deepEqual((await driver().volumes.list()).volumes, []);
  });

  for (const ending of ['made', 'removed'])
    sentence(`twenty calls at once about one server end as the newest says: ${ending}`, async ({ driver, server }) => {
      const spec = server({ power: 'stopped' });
      const isRemoval = (generation: number) => (generation % 2 === 0) === (ending === 'removed');
      const generations = shuffled(Array.from({ length: 20 }, (_, index) => index + 1));

      const results = await Promise.allSettled(
        generations.map((generation) =>
          isRemoval(generation)
            ? driver().servers.remove({ id: spec.id, hostId: spec.hostId, generation })
            : driver().servers.ensure({ ...spec, generation }),
        ),
      );

      assert.deepEqual(await driver().servers.list(), ending === 'made' ? [stateOf({ ...spec, generation: 20 })] : []);
      // In the order in which they came: each is refused exactly when a newer one came before it.
      assert.deepEqual(
        results.map(({ status }) => status),
        generations.map((generation, index) => (Math.max(0, ...generations.slice(0, index)) > generation ? 'rejected' : 'fulfilled')),
      );
    });

  sentence('the lists show exactly what exists', async ({ driver, server, volume }) => {
    const servers = Array.from({ length: 3 }, () => server({ power: 'stopped' }));
    const volumes = Array.from({ length: 3 }, () => volume());
    await Promise.all([...servers.map((spec) => driver().servers.ensure(spec)), ...volumes.map((spec) => driver().volumes.ensure(spec))]);
    const [gone, ...kept] = servers;
    const [goneVolume, ...keptVolumes] = volumes;

    await driver().servers.remove({ id: gone!.id, hostId: gone!.hostId, generation: 2 });
    await driver().volumes.remove({ id: goneVolume!.id, generation: 2 });

    assert.deepEqual(byId(await driver().servers.list()), byId(kept.map(stateOf)));
    assert.deepEqual(byId((await driver().volumes.list()).volumes), byId(keptVolumes.map(({ id, sizeGiB }) => ({ id, sizeGiB }))));
  });

  // Networks

  sentence('interfaces come to a running server and leave it, and their ports carry traffic meanwhile', async ({ driver, server, network }) => {
    const { net, group, port } = network();
    const spec = server();
    const [one, two] = [port({ hostId: spec.hostId }), port({ hostId: spec.hostId })];
    await driver().networks.ensure([net, group, one, two]);
    await driver().servers.ensure(spec);

    const steps = [[one], [one, two], [two], []];
    for (const [index, ports] of steps.entries()) {
      const wanted = { ...spec, generation: 2 + index, nics: ports.map(nicOf) };
      assert.deepEqual(await driver().servers.ensure(wanted), stateOf(wanted));
      await eventually(traits, async () => {
        assert.deepEqual((await driver().networks.portsUp([one.id, two.id])).toSorted(), ports.map(({ id }) => id).toSorted());
      });
    }
  });

  sentence('a port carries no traffic when its server has stopped', async ({ driver, server, network }) => {
    const { net, group, port } = network();
    const spec = server();
    const only = port({ hostId: spec.hostId });
    await driver().networks.ensure([net, group, only]);
    await driver().servers.ensure({ ...spec, nics: [nicOf(only)] });
    await eventually(traits, async () => assert.deepEqual(await driver().networks.portsUp([only.id]), [only.id]));

    await driver().servers.ensure({ ...spec, nics: [nicOf(only)], generation: 2, power: 'stopped' });

    await eventually(traits, async () => assert.deepEqual(await driver().networks.portsUp([only.id]), []));
  });

  sentence('the network is as it was said to be, and saying it again changes nothing', async ({ driver, network }) => {
    const { net, group, port } = network();
    const resources = [net, group, port()];

    await driver().networks.ensure(resources);
    await driver().networks.ensure(resources);
    assert.deepEqual(await driver().networks.compare(resources), []);
    assert.deepEqual(await driver().networks.reconcile(resources), []);
    // A generation says when it was wanted, not what.
    assert.deepEqual(await driver().networks.compare(resources.map((resource) => ({ ...resource, generation: 2 }))), []);

    const gone = resources.map(({ kind, id }) => ({ kind, id, generation: 2 })).toReversed();
    await driver().networks.remove(gone);
    await driver().networks.remove(gone);
    assert.deepEqual(await driver().networks.compare([]), []);
  });

  sentence('ensuring some of the network leaves the rest as it is', async ({ driver, network }) => {
    const [one, two] = [network(), network()];
    await driver().networks.ensure([one.net, one.group]);

    await driver().networks.ensure([two.net, two.group]);
    await driver().networks.remove([{ kind: 'security-group', id: two.group.id, generation: 2 }]);

    assert.deepEqual(await driver().networks.compare([one.net, one.group, two.net]), []);
  });

  sentence('reconciling the network mends what is missing, unwanted and different, and says so', async ({ driver, network }) => {
    const { net, group, port } = network();
    const [unwanted, changed, missing] = [port(), port(), port()];
    await driver().networks.ensure([net, group, unwanted, changed]);
    const wanted: NetworkResource[] = [net, group, { ...changed, generation: 2, portSecurity: false, securityGroups: [] }, missing];
    const expected = byId([
      { kind: 'unwanted', id: unwanted.id },
      { kind: 'differs', id: changed.id },
      { kind: 'missing', id: missing.id },
    ]);

    for (const mending of [await driver().networks.compare(wanted), await driver().networks.reconcile(wanted)]) {
      assert.deepEqual(byId(mending.map(({ kind, resource }) => ({ kind, id: resource.id }))), expected);
      assert.ok(mending.every(({ detail }) => detail.length > 0));
    }

    assert.deepEqual(await driver().networks.compare(wanted), []);
    assert.deepEqual(await driver().networks.reconcile(wanted), []);
  });

  const { physicalNetwork } = traits;
  if (physicalNetwork)
    sentence('a router with a gateway and a floating IP is as it was said to be', async ({ driver, network }) => {
      const [inside, outside] = [network(), network({ physicalNetwork, ...outsideOf(traits.externalCidr) })];
      const port = inside.port();
      const router = routerBetween(inside.net, outside.net);
      const floatingIp = {
        kind: 'floating-ip' as const, id: randomUUID(), projectId, generation: 1, routerId: router.id,
        externalAddress: addressIn(outside.net, 200), internalAddress: port.addresses[0]!.address, portId: port.id,
      };
      const resources: NetworkResource[] = [inside.net, inside.group, outside.net, port, router, floatingIp];

      await driver().networks.ensure(resources);
      assert.deepEqual(await driver().networks.compare(resources), []);

      const rerouted = { ...router, generation: 2, routes: [{ destination: '192.0.2.0/24', nextHop: addressIn(inside.net, 9) }] };
      const without = resources.filter(({ kind }) => kind !== 'floating-ip' && kind !== 'router');
      await driver().networks.remove([{ kind: 'floating-ip', id: floatingIp.id, generation: 2 }]);
      await driver().networks.ensure([rerouted]);
      assert.deepEqual(await driver().networks.compare([...without, rerouted]), []);
    });

  // Over time

  sentence('everything is found again when the driver is closed and made anew', async ({ driver, images, network, reopen, server, serverDigest, volume }) => {
    const { net, group, port } = network();
    const data = volume({ source: { kind: 'image', image: images[1] } });
    const snapshot = { id: randomUUID(), projectId, volumeId: data.id, generation: 1 };
    const stopped = server({ power: 'stopped' });
    const bound = port({ hostId: stopped.hostId });
    const running = server({ generation: 3, volumes: [{ volumeId: data.id, device: '/dev/vdb' }], nics: [nicOf(bound)] });
    await driver().networks.ensure([net, group, bound]);
    await driver().volumes.ensure(data);
    await driver().volumes.ensureSnapshot(snapshot);
    await driver().servers.ensure(running);
    await driver().servers.ensure(stopped);
    const digest = await serverDigest(stopped);
    const [hosts, volumes] = [await driver().hosts.list(), await driver().volumes.list()];

    await reopen();

    assert.deepEqual((await driver().hosts.list()).map(({ id }) => id), hosts.map(({ id }) => id));
    assert.deepEqual(byId(await driver().servers.list()), byId([stateOf(running), stateOf(stopped)]));
    assert.deepEqual(await driver().volumes.list(), volumes);
    assert.deepEqual(await driver().networks.compare([net, group, bound]), []);
    await eventually(traits, async () => assert.deepEqual(await driver().networks.portsUp([bound.id]), [bound.id]));
    assert.equal(await serverDigest(stopped), digest);
    await refused('stale', driver().servers.ensure({ ...running, generation: 2 }));
    assert.deepEqual(await driver().servers.ensure(running), stateOf(running));
  });
}

type TestRegion = Awaited<ReturnType<typeof openRegion>>;

async function openRegion(fixture: DriverFixture, traits: DriverTraits) {
  let { driver } = fixture;
  const [host] = await driver.hosts.list();
  assert.ok(host);
  const networks = new Map<string, NetworkResourceRef>();
  const track = <R extends NetworkResource>(resource: R): R => (networks.set(`${resource.kind}/${resource.id}`, resource), resource);

  async function digestOf(capture: (upload: string) => ReturnType<Driver['volumes']['capture']>): Promise<string> {
    const upload = randomUUID();
    const { format, sizeBytes, ...rest } = await capture(upload);
    assert.deepEqual(rest, { upload });
    assert.ok(sizeBytes > 0);
    return traits.holdsBytes ? contentDigest(fixture.blobs.incomingPath(upload), format) : 'unread';
  }

  return {
    driver: () => driver,
    images: fixture.images,
    writeToVolume: fixture.writeToVolume,
    readStorage: fixture.readStorage,
    /** The files on the host that hold this text. */
    kept: async (text: string): Promise<string[]> => (fixture.stateDir === undefined ? [] : filesWith(fixture.stateDir, Buffer.from(text))),
    /** What its bytes begin with. */
    imageText: async ({ sha256 }: VettedImage): Promise<string> => (await readFile(await fixture.blobs.path(sha256))).subarray(0, 8).toString(),
    reopen: async () => void (driver = await fixture.reopen()),

    volume: (wish: Partial<VolumeSpec> = {}): VolumeSpec => ({ id: randomUUID(), projectId, generation: 1, sizeGiB: 1, source: { kind: 'empty' }, ...wish }),

    server: (wish: Partial<ServerSpec> = {}): ServerSpec => serverOf(host.id, fixture.images[0], { ...traits.machine, ...wish }),

    network: (wish: Partial<NetworkSpec> = {}) => {
      const net = track(networkSpec(wish));
      const group = track(groupSpec());
      let last = 10;
      return { net, group, port: (more: Partial<PortSpec> = {}) => track(portOn(net, group, ++last, more)) };
    },

    serverDigest: ({ id, hostId }: ServerSpec, keys: DiskKeys = {}) => digestOf((upload) => driver.servers.capture({ id, hostId, upload, keys })),
    snapshotDigest: ({ id: snapshotId, volumeId }: { id: string; volumeId: string }, keys: DiskKeys = {}) => digestOf((upload) => driver.volumes.capture({ volumeId, snapshotId, upload, keys })),
    /** As an image that a volume can be made of. */
    captureLocked: async (of: { volumeId: string; snapshotId?: string; keys: DiskKeys }) => {
      const upload = randomUUID();
      await driver.volumes.capture({ ...of, upload, locked: true });
      const path = fixture.blobs.incomingPath(upload);
      const image = await putImageFile(dirname(path), path, 'qcow2', await diskSize(path, 'qcow2'));
      return { image, bytes: await readFile(path) };
    },
    volumeDigest: (volumeId: string, keys: DiskKeys = {}) => digestOf((upload) => driver.volumes.capture({ volumeId, upload, keys })),

    /** How often the guest has started, once it has done so this often. */
    async boots({ id, hostId }: ServerSpec, least: number): Promise<number> {
      const { bootLine } = traits;
      if (!bootLine) return least;
      return eventually(traits, async () => {
        const found = (await driver.servers.consoleLog({ id, hostId })).match(bootLine)?.length ?? 0;
        assert.ok(found >= least, `the guest has started ${found} times, not yet ${least}`);
        return found;
      });
    },

    /** A region that other sentences use too is left as it was found. */
    async clear(): Promise<void> {
      const generation = 1_000_000;
      for (const { id, hostId } of await driver.servers.list()) await driver.servers.remove({ id, hostId, generation });
      const { volumes, snapshots } = await driver.volumes.list();
      for (const snapshot of snapshots) await driver.volumes.removeSnapshot({ ...snapshot, generation });
      for (const { id } of volumes) await driver.volumes.remove({ id, generation });
      const order = ['floating-ip', 'port', 'router', 'security-group', 'network'];
      const found = (await driver.networks.compare([])).map(({ resource }) => resource);
      const leftovers = [...found, ...networks.values()].toSorted((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
      await driver.networks.remove(leftovers.map(({ kind, id }) => ({ kind, id, generation })));
    },
  };
}

async function filesWith(folder: string, text: Buffer): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found = await Promise.all(entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => ((await readFile(join(parentPath, name))).includes(text) ? [name] : [])));
  return found.flat();
}

async function emptyDigest(driver: Driver, volume: TestRegion['volume'], volumeDigest: TestRegion['volumeDigest']): Promise<string> {
  const empty = volume();
  await driver.volumes.ensure(empty);
  return volumeDigest(empty.id);
}

async function refused(kind: DriverErrorKind, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, { name: 'DriverError', kind });
}

/** Asks until it holds: a guest starts, and a switch learns of it, in their own time. */
async function eventually<T>({ timeoutMs }: DriverTraits, look: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + timeoutMs / 2;
  for (;;) {
    try {
      return await look();
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
    }
    await wait(50);
  }
}

function byId<T extends { id: string }>(things: T[]): T[] {
  return things.toSorted((one, other) => (one.id < other.id ? -1 : 1));
}

function shuffled<T>(things: T[]): T[] {
  return things.map((thing) => ({ thing, at: Math.random() })).toSorted((one, other) => one.at - other.at).map(({ thing }) => thing);
}

/** What comes first. */
async function heard(line: Duplex): Promise<string> {
  const [chunk] = (await once(line, 'data')) as [Buffer];
  return chunk.toString('latin1');
}
