/** Servers: each a domain of libvirt, with files, taps and a record of what was last asked for. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Serial } from '../../kit/serial.ts';
import { DriverError, type BlobStore, type DiskKeys, type PowerState, type ServerDriver, type ServerSpec, type ServerState } from '../driver.ts';
import type { Accelerator } from './accelerator.ts';
import { captureDisk } from './captures.ts';
import { boundConsoleFile, readConsole } from './console-log.ts';
import type { Disk, Disks } from './disks.ts';
import { diskXml, disksOf, domainXml, nicXml, readDevices, shortDevice, type DomainDisk, type VolumeKinds } from './domain-xml.ts';
import { keyOf, whileKnown } from './disk-secrets.ts';
import { isThere } from './engine-programs.ts';
import type { ImageCache } from './images.ts';
import { isLibvirtError, type Domain, type DomainEvent, type Libvirt } from './libvirt/libvirt.ts';
import { domainState, errorCode, shutoffReason } from './libvirt/protocol.ts';
import type { Records } from './records.ts';
import { requireId } from './records.ts';
import { findDiskInUse, isActive } from './running-disks.ts';
import { ensureServerFiles, isLocalName, noFiles, removeServerFiles, serverPaths, type MadeFiles } from './server-disks.ts';
import { tapName, type Taps } from './taps.ts';
import { lockOf, volumeFile, volumeKey, type VolumeRecord } from './volumes.ts';

export type ServerRecord = {
  /** Without its keys: those are nowhere on this host. */
  spec: Omit<ServerSpec, 'keys'>;
  made: MadeFiles;
  /** The epoch in which it last started; null before it ever did. */
  bootEpoch: number | null;
  /** What it was last brought to: a machine that is off though it should run has crashed, or its host has restarted. */
  power: PowerState;
};

type Engine = {
  hostId: string;
  libvirt: Libvirt;
  disks: Disks;
  images: ImageCache;
  taps: Taps;
  blobs: BlobStore;
  records: Records<ServerRecord>;
  volumes: Records<VolumeRecord>;
  serial: Serial<string>;
  user: { uid: number; gid: number };
  accelerator: Accelerator;
  emulator: string;
};

/** The servers that have this volume, as they were last asked for. */
export async function serversWithVolume(records: Records<ServerRecord>, volumeId: string): Promise<string[]> {
  return (await records.list()).filter(({ content }) => volumesOf(content.spec).includes(volumeId)).map(({ id }) => id);
}

export async function isImageUsed(records: Records<ServerRecord>, sha256: string): Promise<boolean> {
  return (await records.list()).some(({ content: { spec, made } }) => made.rootImage === sha256 || made.rescueImage === sha256 || spec.rescue?.image.sha256 === sha256 || (made.rootEpoch === null && spec.rootDisk.kind === 'image' && spec.rootDisk.image.sha256 === sha256));
}

export type LibvirtServerDriver = ServerDriver & {
  /** Keeps consoles short; to be called every few seconds. */
  tidy(): Promise<void>;
  /** A machine that ended by itself lets go of its ports. */
  onEvent(event: DomainEvent): void;
};

export function createServerDriver(engine: Engine): LibvirtServerDriver {
  const { hostId, libvirt, disks, records, serial, taps, blobs } = engine;

  async function ensure({ keys, ...spec }: ServerSpec): Promise<ServerState> {
    await records.accept(spec.id, spec.generation);
    const known = await records.find(spec.id);
    await requireNeeds(spec);
    let record: ServerRecord = { spec, made: known?.made ?? noFiles, bootEpoch: known?.bootEpoch ?? null, power: known?.power ?? 'stopped' };
    const before = await findMachine(spec.id);
    const wasActive = before !== undefined && isActive(before.state);

    const isRebuilt = spec.rootDisk.kind === 'image' && record.made.rootEpoch !== null && spec.rootDisk.epoch !== record.made.rootEpoch;
    const restarts = isRebuilt || (record.bootEpoch !== null && spec.bootEpoch > record.bootEpoch);
    // What is not there is said before anything is written down.
    if (!known && spec.rootDisk.kind === 'image') await engine.images.ensure(spec.rootDisk.image);
    if (spec.rescue) await engine.images.ensure(spec.rescue.image);
    // Said before it is done: a volume that may be attached from here on counts as used.
    await records.save(spec.id, { ...record, spec: withVolumesOf(spec, known?.spec) });

    if (before && restarts) await powerOff(before.domain, before.state);
    const isOff = !wasActive || restarts;
    if (isOff) record = { ...record, made: await ensureServerFiles({ ...engine, spec, made: record.made }) };
    // Also of a machine that runs: this is what its next start will be.
    const kinds = await kindsOf(spec);
    const domain = await libvirt.define(domainXml(spec, { ...engine, kinds }));
    await reachPower(domain, spec, kinds, keys);
    if (spec.power !== 'stopped') record = { ...record, bootEpoch: isOff ? spec.bootEpoch : (record.bootEpoch ?? spec.bootEpoch) };

    const after = await libvirt.state(domain);
    if (isActive(after.state)) await reachDevices(domain, spec, kinds, keys);
    const gone = (known?.spec.nics ?? []).filter(({ portId }) => !spec.nics.some((nic) => nic.portId === portId));
    for (const { portId } of gone) await taps.remove(portId);
    if (!isActive(after.state)) for (const { portId } of spec.nics) await taps.remove(portId);
    await records.save(spec.id, { ...record, spec, power: spec.power });
    return stateOf(domain, { ...record, spec, power: spec.power });
  }

  async function requireNeeds(spec: ServerSpec): Promise<void> {
    requireValid(spec);
    if (spec.hostId !== hostId) throw new DriverError('missing', `There is no host ${spec.hostId} here`);
    for (const volumeId of volumesOf(spec)) {
      const volume = await engine.volumes.find(volumeId);
      if (!(await isThere(volumeFile(disks, volumeId, volume).path))) throw new DriverError('missing', `There is no volume ${volumeId}`);
      if (volume?.shared === true) continue;
      const other = (await records.list()).find(({ id, content }) => id !== spec.id && volumesOf(content.spec).includes(volumeId));
      if (other) throw new DriverError('failed', `The volume ${volumeId} is used by the server ${other.id}`);
    }
  }

  async function kindsOf(spec: ServerSpec): Promise<VolumeKinds> {
    return new Map(await Promise.all(volumesOf(spec).map(async (id) => [id, (await engine.volumes.find(id)) ?? {}] as const)));
  }

  async function reachPower(domain: Domain, spec: ServerSpec, kinds: VolumeKinds, keys: DiskKeys | undefined): Promise<void> {
    const { state } = await libvirt.state(domain);
    const start = () => startMachine(domain, spec, disksOf(spec, kinds), keys);
    switch (spec.power) {
      case 'stopped':
        return powerOff(domain, state);
      case 'suspended':
        if (isActive(state)) return libvirt.save(domain);
        if (await libvirt.isSaved(domain)) return;
        await start();
        return libvirt.save(domain);
      case 'running':
        if (!isActive(state)) return start();
        if (state === domainState.paused) return libvirt.resume(domain);
        return;
      case 'paused':
        if (!isActive(state)) await start();
        if ((await libvirt.state(domain)).state !== domainState.paused) await libvirt.suspend(domain);
        return;
      default:
        return spec.power satisfies never;
    }
  }

  async function startMachine(domain: Domain, spec: ServerSpec, ofMachine: readonly DomainDisk[], keys: DiskKeys | undefined): Promise<void> {
    for (const nic of spec.nics) await taps.ensure(nic);
    await whileKnown(libvirt, keysOf(ofMachine, keys), () => libvirt.start(domain));
  }

  async function powerOff(domain: Domain, state: number): Promise<void> {
    if (isActive(state)) {
      await libvirt.destroy(domain).catch((error: unknown) => {
        if (!isLibvirtError(error, errorCode.operationInvalid)) throw error; // It ended by itself meanwhile.
      });
    }
    if (await libvirt.isSaved(domain)) await libvirt.dropSave(domain);
  }

  /** Attaches and detaches, so that the running machine has exactly these disks and interfaces. */
  async function reachDevices(domain: Domain, spec: ServerSpec, kinds: VolumeKinds, keys: DiskKeys | undefined): Promise<void> {
    const found = readDevices(await libvirt.xml(domain));
    const wanted = disksOf(spec, kinds);
    // The root stays while the machine runs: without it there is no guest to ask.
    for (const disk of found.disks.filter(({ device }) => device !== wanted[0]?.device))
      if (!wanted.some(({ serial: id, device }) => id === disk.serial && device === disk.device)) await detach(domain, disk.xml, ({ disks: left }) => left.every(({ device }) => device !== disk.device));
    for (const nic of found.nics)
      if (!spec.nics.some(({ portId }) => tapName(portId) === nic.tap)) await detach(domain, nic.xml, ({ nics: left }) => left.every(({ tap }) => tap !== nic.tap));
    const now = readDevices(await libvirt.xml(domain));
    for (const disk of wanted) if (!now.disks.some(({ device }) => device === disk.device)) await whileKnown(libvirt, keysOf([disk], keys), () => libvirt.attachDevice(domain, diskXml(disk)));
    for (const nic of spec.nics) {
      // A tap that was lost with the host's network or the switch is made and plugged again.
      await taps.ensure(nic);
      if (!now.nics.some(({ tap }) => tap === tapName(nic.portId))) await libvirt.attachDevice(domain, nicXml(nic, spec.hardware ?? {}));
    }
  }

  /** A guest has to let go of a device itself, and does not listen while it starts: so it is asked again and again. */
  async function detach(domain: Domain, xml: string, isGone: (devices: ReturnType<typeof readDevices>) => boolean): Promise<void> {
    const deadline = performance.now() + detachPatienceMs;
    let lastAsked = -Infinity;
    for (;;) {
      const { state } = await libvirt.state(domain);
      if (!isActive(state) || isGone(readDevices(await libvirt.xml(domain)))) return;
      if (performance.now() > deadline) throw new DriverError('unavailable', `The guest of ${domain.name} does not let go of a device`);
      if (performance.now() - lastAsked > askAgainMs) {
        lastAsked = performance.now();
        await libvirt.detachDevice(domain, xml).catch((error: unknown) => {
          // "already in the process of unplug", or gone meanwhile: the next look tells.
          if (!(error instanceof DriverError && error.kind === 'failed')) throw error;
        });
      }
      await nextEvent(domain.uuid, 250);
    }
  }

  /** Until something happens to the machine, or the time is over: events may be lost, so they are never all that is waited for. */
  async function nextEvent(uuid: string, ms: number): Promise<void> {
    using happening = watchFor(uuid, () => true);
    await happening.within(ms);
  }

  function watchFor(uuid: string, isIt: (event: DomainEvent) => boolean): { isSeen(): boolean; within(ms: number): Promise<void> } & Disposable {
    const { promise, resolve } = Promise.withResolvers<void>();
    let seen = false;
    const unwatch = libvirt.watch((event) => {
      if (event.uuid !== uuid || !isIt(event)) return;
      seen = true;
      resolve();
    });
    return {
      isSeen: () => seen,
      async within(ms) {
        const over = new AbortController();
        try {
          await Promise.race([promise, pause(ms, undefined, { signal: over.signal }).catch(ignoreAbort)]);
        } finally {
          over.abort();
        }
      },
      [Symbol.dispose]: unwatch,
    };
  }

  async function rootDiskOf(id: string, rootDisk: ServerSpec['rootDisk'], keys: DiskKeys | undefined): Promise<Disk> {
    if (rootDisk.kind === 'image') return { path: serverPaths(disks, id).rootDisk, format: 'qcow2' };
    const { volumeId } = rootDisk;
    const known = await engine.volumes.find(volumeId);
    return { ...volumeFile(disks, volumeId, known), lock: lockOf(volumeId, known?.encryption, keys) };
  }

  async function findMachine(id: string): Promise<{ domain: Domain; state: number } | undefined> {
    const domain = await libvirt.findDomain(requireId(id));
    return domain && { domain, state: (await libvirt.state(domain)).state };
  }

  async function getMachine(id: string): Promise<{ domain: Domain; state: number; record: ServerRecord }> {
    const [machine, record] = [await findMachine(id), await records.find(id)];
    if (!machine || !record) throw new DriverError('missing', `There is no server ${id}`);
    return { ...machine, record };
  }

  async function stateOf(domain: Domain, record: ServerRecord): Promise<ServerState> {
    const { spec } = record;
    const { state, reason } = await libvirt.state(domain);
    const power = await powerOf(domain, state, reason, record.power);
    const devices = isActive(state) ? readDevices(await libvirt.xml(domain)) : null;
    const attached = spec.volumes.filter(({ volumeId }) => devices?.disks.some(({ serial: id }) => id === volumeId) ?? true);
    const plugged = spec.nics.filter(({ portId }) => devices?.nics.some(({ tap }) => tap === tapName(portId)) ?? true);
    return {
      id: spec.id,
      hostId,
      generation: spec.generation,
      power,
      volumes: attached.toSorted((one, other) => (shortDevice(one.device) < shortDevice(other.device) ? -1 : 1)).map(({ volumeId }) => volumeId),
      nics: plugged.map(({ portId }) => portId),
    };
  }

  async function powerOf(domain: Domain, state: number, reason: number, expected: PowerState): Promise<ServerState['power']> {
    if (state === domainState.paused) return 'paused';
    if (isActive(state)) return 'running';
    if (state === domainState.crashed || reason === shutoffReason.crashed || reason === shutoffReason.failed) return 'crashed';
    if (await libvirt.isSaved(domain)) return 'suspended';
    // libvirt does not know why: it was not there when the machine ended.
    return reason === shutoffReason.unknown && expected !== 'stopped' ? 'crashed' : 'stopped';
  }

  const inOrder = <T>(id: string, work: () => Promise<T>) => serial.run(serverKey(id), work);

  const driver: LibvirtServerDriver = {
    ensure: (spec) => serial.runAll([serverKey(requireId(spec.id)), ...volumesOf(spec).map(volumeKey)], () => ensure(spec)),

    remove: ({ id, generation }) =>
      inOrder(requireId(id), async () => {
        await records.accept(id, generation);
        const record = await records.find(id);
        const machine = await findMachine(id);
        if (machine) {
          await powerOff(machine.domain, machine.state);
          await libvirt.undefine(machine.domain);
        }
        for (const { portId } of record?.spec.nics ?? []) await taps.remove(portId);
        await removeServerFiles(disks, id);
        await records.remove(id);
      }),

    // Not within one turn: whoever loses patience with the guest restarts it from outside meanwhile.
    async reboot({ id, generation }) {
      const deadline = performance.now() + rebootPatienceMs;
      using restarted = watchFor(requireId(id), ({ kind }) => kind === 'reboot');
      for (;;) {
        await inOrder(id, async () => {
          const { domain, state } = await getMachine(id);
          await records.accept(id, generation);
          if (restarted.isSeen()) return;
          if (!isActive(state) || state === domainState.paused) throw new DriverError('failed', `The server ${id} does not run`);
          if (performance.now() > deadline) throw new DriverError('failed', `The guest of ${id} does not restart`);
          await libvirt.askToReboot(domain);
        });
        await restarted.within(askAgainMs);
        if (restarted.isSeen()) return;
      }
    },

    shutdown: ({ id, generation, seconds }) =>
      inOrder(requireId(id), async () => {
        const { domain, record } = await getMachine(id);
        await records.accept(id, generation);
        const deadline = performance.now() + seconds * 1000;
        let lastAsked = -Infinity;
        for (;;) {
          const { state } = await libvirt.state(domain);
          if (!isActive(state)) break;
          if (state === domainState.paused || performance.now() >= deadline) {
            await powerOff(domain, state);
            break;
          }
          if (performance.now() - lastAsked > askAgainMs) {
            lastAsked = performance.now();
            await libvirt.askToPowerOff(domain);
          }
          await nextEvent(domain.uuid, Math.min(500, Math.max(1, deadline - performance.now())));
        }
        for (const { portId } of record.spec.nics) await taps.remove(portId);
        await records.save(id, { ...record, power: 'stopped' });
      }),

    async consoleLog({ id, lines }) {
      const { console } = serverPaths(disks, id);
      if (!(await isThere(console))) throw new DriverError('missing', `There is no server ${id}`);
      return readConsole(console, lines);
    },

    capture: ({ id, upload, keys }) =>
      inOrder(requireId(id), async () => {
        const { record } = await getMachine(id);
        const from = await rootDiskOf(id, record.spec.rootDisk, keys);
        return captureDisk({ libvirt, disks, blobs, from, inUse: await findDiskInUse(libvirt, disks, { path: from.path, serverId: id }), upload });
      }),

    async list() {
      const [domains, stored] = await Promise.all([libvirt.listDomains(), records.list()]);
      const states = await Promise.all(
        stored.map(async ({ id, content }) => {
          const domain = domains.find(({ uuid }) => uuid === id);
          return domain && stateOf(domain, content);
        }),
      );
      return states.filter((state) => state !== undefined);
    },

    async tidy() {
      for (const { id } of await records.list()) await boundConsoleFile(serverPaths(disks, id).console);
    },

    onEvent(event) {
      if (event.kind !== 'lifecycle' || event.event !== 'stopped') return;
      const { uuid } = event;
      inOrder(uuid, async () => {
        const [machine, record] = [await findMachine(uuid), await records.find(uuid)];
        if (machine && record && !isActive(machine.state)) for (const { portId } of record.spec.nics) await taps.remove(portId);
      }).catch((error: unknown) => {
        // The next `ensure` does the same; nobody waits for this.
        if (!(error instanceof DriverError)) throw error;
      });
    },
  };
  return driver;
}

const detachPatienceMs = 20_000;
const askAgainMs = 2_000;
/** nova/conf/libvirt.py: wait_soft_reboot_seconds. */
const rebootPatienceMs = 120_000;

export function serverKey(id: string): string {
  return `server ${id}`;
}

/** Its root, when that is a volume, and the others. */
function volumesOf({ rootDisk, volumes }: ServerSpec): string[] {
  return [...(rootDisk.kind === 'volume' ? [rootDisk.volumeId] : []), ...volumes.map(({ volumeId }) => volumeId)];
}

/** Of those disks that are locked. */
function keysOf(disks: readonly DomainDisk[], keys: DiskKeys | undefined): DiskKeys {
  return Object.fromEntries(disks.flatMap(({ locked, serial }) => (locked === true ? [[serial, keyOf(keys, serial)]] : [])));
}

/** While volumes come and go, both those that were and those that will be are in use. */
function withVolumesOf(spec: ServerSpec, before: ServerSpec | undefined): ServerSpec {
  const leaving = (before?.volumes ?? []).filter(({ volumeId }) => !volumesOf(spec).includes(volumeId));
  return { ...spec, volumes: [...spec.volumes, ...leaving] };
}

function requireValid(spec: ServerSpec): void {
  const { localDisks = [] } = spec;
  const besides = [...localDisks, ...spec.volumes];
  const devices = besides.map(({ device }) => shortDevice(device));
  const wrong =
    besides.find(({ device }) => !/^[vsh]d[b-z]$/.test(shortDevice(device)))?.device ??
    localDisks.find(({ name }) => !isLocalName(name))?.name ??
    spec.nics.find(({ mac }) => !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac))?.mac ??
    spec.nics.find(({ portId }) => !/^[0-9a-f-]{36}$/.test(portId))?.portId ??
    (new Set(devices).size < devices.length ? devices.join() : undefined);
  if (wrong !== undefined) throw new DriverError('invalid', `The server ${spec.id} cannot have ${JSON.stringify(wrong)}`);
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
