/** A region whose machines are rows: as quick as they are, and otherwise like any other. */
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { Clock, Random } from '../../kit/clock.ts';
import { serialised } from '../../kit/serial.ts';
import { DriverError, type BlobStore, type ConsoleAddress, type DiskKeys, type Driver, type ServerSpec, type VettedImage } from '../driver.ts';
import { isLocked, openContent, openImages, storeContent, type Images } from './content.ts';
import { consoleText, ended, type Boot } from './console.ts';
import { openHosts, type Hosts, type HostShape } from './hosts.ts';
import { networkDriver } from './networks.ts';
import { openTraffic, type PassingTraffic, type Traffic } from './traffic.ts';
import { serverDriver } from './servers.ts';
import { openConsoles, screen, serialLine, type Consoles } from './screens.ts';
import { openState, type State } from './state.ts';
import { volumeDriver } from './volumes.ts';

export type SimulatedOptions = {
  /** Its own: the driver keeps here what is to outlive the process. */
  stateDir: string;
  hosts: number;
  /** Of the only host, when its region has a name for it already. */
  hostId?: string;
  hostShape: HostShape;
  blobs: BlobStore;
  clock: Pick<Clock, 'now'>;
  random: Pick<Random, 'uuid'>;
  /** How long a guest takes from power-on to its login prompt. */
  bootMs?: number;
  faults?: Faults;
};

/**
 * Called before and after each call does its work, in the call's place in the order; what it throws
 * the caller gets, so that throwing after is a call that did its work and seems to have failed.
 * `id` is that of the first resource that the call is about.
 */
export type Faults = (call: { method: string; id?: string }, phase: 'before' | 'after') => void | Promise<void>;

export type SimulatedDriver = Driver & { readonly simulation: Simulation };

/** What happens in a real region without the driver's doing. */
export type Simulation = {
  /** The machine's process ends. */
  crash(serverId: string): void;
  /** The guest writes to its root disk. */
  writeToServer(serverId: string, offset: number, bytes: Uint8Array): void;
  writeToVolume(volumeId: string, offset: number, bytes: Uint8Array, keys?: DiskKeys): void;
  /** Packets pass a router's way out. */
  pass(routerId: string, traffic: Traffic): void;
  /** What whoever steals the storage gets of a volume or a snapshot; null when there is none. */
  readStorage(id: string): Buffer | null;
};

type Part = 'hosts' | 'images' | 'volumes' | 'networks' | 'servers' | 'consoles';
type Method = { [P in Part]: `${P}.${keyof Driver[P] & string}` }[Part];

/** What the parts of the driver share. */
export type Region = {
  state: State;
  hosts: Hosts;
  images: Images;
  consoles: Consoles;
  traffic: PassingTraffic;
  /** In milliseconds. */
  now(): number;
  bootMs: number;
  /** Does the work in its place: after all earlier calls about the same resources, or about 'all'. */
  call<T>(method: Method, resources: string | string[], work: () => T | Promise<T>): Promise<T>;
  /** Does the work while the image's bytes are here and nobody drops them. */
  withImage<T>(image: VettedImage | undefined, work: () => T | Promise<T>): T | Promise<T>;
};

export function createSimulatedDriver(options: SimulatedOptions): SimulatedDriver {
  const { stateDir, blobs, clock, faults, bootMs = 0 } = options;
  const state = unlessBusy(() => openState(stateDir));
  const images = openImages({ folder: join(stateDir, 'images'), blobs });
  // Each part has its own order: reconciling the network does not wait for a disk to be captured.
  const serials = partsOf(() => serialised<string>());
  const imageSerial = serialised<string>();
  let closing: Promise<void> | undefined;

  const region: Region = {
    state,
    images,
    consoles: openConsoles(),
    traffic: openTraffic({ state, hostId: () => region.hosts.list()[0]!.id }),
    hosts: openHosts({ state, count: options.hosts, shape: options.hostShape, random: options.random, startedAt: clock.now(), hostId: options.hostId }),
    bootMs,
    now: () => clock.now().getTime(),
    async call(method, resources, work) {
      if (closing) throw new DriverError('unavailable', 'The driver is closed');
      const names = typeof resources === 'string' ? [resources] : resources;
      const [first] = resources === 'all' ? [] : names;
      const call = first === undefined ? { method } : { method, id: idOf(first) };
      const whole = async () => {
        await faults?.(call, 'before');
        const result = await translated(work);
        await faults?.(call, 'after');
        return result;
      };
      const serial = serials[method.slice(0, method.indexOf('.')) as Part];
      return resources === 'all' ? serial.runAlone(whole) : serial.runAll(names, whole);
    },
    withImage: (image, work) =>
      image
        ? imageSerial.run(image.sha256, async () => {
            await images.keep(image);
            return work();
          })
        : work(),
  };

  return {
    name: 'simulated',
    hosts: { list: () => region.call('hosts.list', [], () => region.hosts.list()) },
    images: { forget: ({ sha256 }) => region.call('images.forget', `image/${sha256}`, () => imageSerial.run(sha256, () => forget(region, sha256))) },
    volumes: volumeDriver(region),
    networks: networkDriver(region, { elsewhere: options.hostId !== undefined }),
    servers: serverDriver(region),
    consoles: { open: (console) => region.call('consoles.open', [], () => openConsole(region, console)) },
    quarantine: { list: async () => [] },
    counterparts: { list: async () => [] },
    simulation: simulationOf(region),
    close: () => (closing ??= Promise.all(Object.values(serials).map((serial) => serial.runAlone(() => undefined))).then(() => state.close())),
  };
}

function partsOf<T>(make: () => T): Record<Part, T> {
  return { hosts: make(), images: make(), volumes: make(), networks: make(), servers: make(), consoles: make() };
}

/** It ends with the machine. */
function openConsole({ state, now, bootMs, consoles }: Region, { serverId, hostId, kind }: ConsoleAddress): Duplex {
  const row = state.database.prepare('select power, spec, boots from servers where id = ? and host_id = ?').get(serverId, hostId);
  if (row?.power !== 'running') throw new DriverError('missing', `There is no server ${serverId} that runs on host ${hostId}`);
  const { metadata } = JSON.parse(String(row.spec)) as ServerSpec;
  const line = kind === 'vnc' ? screen(metadata.name) : serialLine({ hostname: metadata.hostname, shown: consoleText(JSON.parse(String(row.boots)) as Boot[], now(), bootMs) });
  return consoles.add(serverId, line);
}

async function forget({ state, images }: Region, sha256: string): Promise<void> {
  for (const table of ['servers', 'volumes', 'snapshots']) {
    const user = state.database.prepare(`select id from ${table} where base = ? limit 1`).get(sha256);
    if (user) throw new DriverError('failed', `A disk of ${table} still depends on ${sha256}: ${user.id}`);
  }
  await images.drop(sha256);
}

function simulationOf({ state: { database, transaction }, traffic, now }: Region): Simulation {
  function write(table: 'servers' | 'volumes', id: string, offset: number, bytes: Uint8Array, keys?: DiskKeys): void {
    transaction(() => {
      const row = database.prepare(`select content from ${table} where id = ?`).get(id);
      if (!row?.content) throw new DriverError('missing', `There is no disk of ${table} ${id}`);
      const stored = String(row.content);
      const { base, writes } = openContent(stored, id, keys);
      const content = { base, writes: [...writes, { offset, base64: Buffer.from(bytes).toString('base64') }] };
      database.prepare(`update ${table} set content = ? where id = ?`).run(storeContent(content, id, { locked: isLocked(stored), keys }), id);
    });
  }

  return {
    crash(serverId) {
      transaction(() => {
        const row = database.prepare(`select boots from servers where id = ? and power in ('running', 'paused')`).get(serverId);
        if (!row) throw new DriverError('missing', `There is no server ${serverId} that could crash`);
        const boots = ended(JSON.parse(String(row.boots)) as Boot[], now());
        database.prepare(`update servers set power = 'crashed', boots = ? where id = ?`).run(JSON.stringify(boots), serverId);
      });
    },
    pass: traffic.pass,
    writeToServer: (id, offset, bytes) => write('servers', id, offset, bytes),
    writeToVolume: (id, offset, bytes, keys) => write('volumes', id, offset, bytes, keys),
    readStorage(id) {
      const row = database.prepare('select content from volumes where id = :id union all select content from snapshots where id = :id').get({ id });
      if (!row) return null;
      const text = String(row.content);
      // What was written lies there as base64 of what a guest sees.
      const written = [...text.matchAll(/"base64":"([^"]*)"/g)].map(([, base64 = '']) => Buffer.from(base64, 'base64'));
      return Buffer.concat([Buffer.from(text), ...written]);
    },
  };
}

/** The one place where what SQLite and the file system say becomes what a driver says. */
async function translated<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof DriverError || !(cause instanceof Error)) throw cause;
    throw new DriverError(isFull(cause) ? 'exhausted' : 'failed', cause.message, { cause });
  }
}

function unlessBusy<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    if (!(cause instanceof Error && 'errcode' in cause && cause.errcode === SQLITE_BUSY)) throw cause;
    throw new DriverError('unavailable', 'Another process has this region open', { cause });
  }
}

const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

function isFull(cause: Error): boolean {
  return ('code' in cause && cause.code === 'ENOSPC') || ('errcode' in cause && cause.errcode === SQLITE_FULL);
}

function idOf(resource: string): string {
  return resource.slice(resource.indexOf('/') + 1);
}
