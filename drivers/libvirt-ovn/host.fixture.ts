/** A whole cloud's host for tests: its own engines, the guest image and the driver. Needs root. */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildGuestImage } from '../../guest/build.ts';
import { folderBlobs, putRawImage } from '../driver.fixtures.ts';
import type { BlobStore, Driver, VettedImage } from '../driver.ts';
import { run } from './command.ts';
import { createLibvirtOvnDriver } from './driver.ts';
import { installNewerEngines, missingPackages } from './engines-install.ts';
import { isThere } from './engine-programs.ts';
import { startEngines, stopEngines, type Engines } from './engines.ts';
import { processesIn, removeExternalNetwork, type ExternalNetwork } from './external-network.ts';
import { createNetworkDriver } from './network/network.ts';
import { connectOvsdb } from './ovsdb.ts';

export const HOST = 'host-1';

export type TestHost = {
  engines: Engines;
  driver: Driver;
  blobs: BlobStore;
  external: ExternalNetwork;
  /** The guest, and a small disk that does not boot. */
  images: readonly [VettedImage, VettedImage];
  stateDir: string;
  /** The file of a volume or snapshot; null when there is none. */
  readStorage(id: string): Promise<Buffer | null>;
  reopen(): Promise<Driver>;
  /** As when the host loses its power: every process ends at once, and what the kernel held is gone. */
  losePower(): Promise<void>;
  /** Stops all daemons and starts them again. */
  restartEngines(): Promise<void>;
  stop(): Promise<void>;
};

/** Why these tests cannot run here; false when they can. */
export async function whyNot(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'only root can start libvirt and make taps';
  const missing = await missingPackages();
  return missing.length > 0 && `these packages are not installed: ${missing.join(' ')}`;
}

export async function startTestHost({ number, say }: { number: number; say: (line: string) => void }): Promise<TestHost> {
  const cacheDir = process.env['INTERCLOUD_CACHE'] ?? join(process.env['HOME'] ?? '/root', '.cache', 'intercloud');
  await installNewerEngines({ cacheDir, onProgress: say });
  const guest = await buildGuestImage({ cacheDir, onProgress: say });
  const stateDir = await mkdtemp(join(tmpdir(), 'ic-host-'));
  const cloudId = `h${(process.pid % 46_656).toString(36)}${number}`;
  const external = await freeSubnet(number);
  const options = { stateDir, cloudId, hostId: HOST, external, cacheDir };
  const engines = await startEngines(options);

  const folder = join(stateDir, 'blobs');
  await mkdir(folder, { recursive: true });
  const blobs = folderBlobs(folder);
  const images = [await putGuest(folder, guest.path), await putRawImage(folder, 'no guest')] as const;
  let opened = await open();

  async function open(): Promise<{ driver: Driver; close: () => Promise<void> }> {
    const northbound = connectOvsdb({ address: `unix:${engines.layout.nbSocket}`, database: 'OVN_Northbound' });
    const database = connectOvsdb({ address: `unix:${engines.layout.confSocket}`, database: 'Open_vSwitch' });
    const networks = await createNetworkDriver({ northbound, gatewayHosts: () => [HOST] });
    const localSwitch = { database, bridge: engines.layout.integrationBridge };
    const driver = await createLibvirtOvnDriver({ layout: engines.layout, hostId: HOST, address: '127.0.0.1', blobs, networks, localSwitch, cacheDir, onError: (error) => say(String(error)) });
    return {
      driver,
      async close() {
        await driver.close();
        await Promise.all([northbound.close(), database.close()]);
      },
    };
  }

  return {
    engines,
    external,
    blobs,
    images,
    stateDir,
    async readStorage(id) {
      const { computeDirectory } = engines.layout;
      for (const name of [`volumes/${id}.qcow2`, `volumes/${id}.raw`, `snapshots/${id}.qcow2`]) if (await isThere(join(computeDirectory, name))) return readFile(join(computeDirectory, name));
      return null;
    },
    get driver() {
      return opened.driver;
    },
    async reopen() {
      await opened.close();
      opened = await open();
      return opened.driver;
    },
    async losePower() {
      await opened.close();
      for (const pid of await pidsOf(engines)) process.kill(pid, 'SIGKILL');
      while ((await pidsOf(engines)).length > 0) await pause(20);
      await removeExternalNetwork(engines.layout);
      await writeFile(join(engines.layout.libvirtDirectory, 'boot-id'), 'an earlier one');
      await startEngines(options);
      opened = await open();
    },
    async restartEngines() {
      await opened.close();
      await stopEngines(options);
      await startEngines(options);
      opened = await open();
    },
    async stop() {
      for (const { id, hostId } of await opened.driver.servers.list()) await opened.driver.servers.remove({ id, hostId, generation: Number.MAX_SAFE_INTEGER });
      await opened.close();
      await stopEngines(options, { endGuests: true });
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** From the `number`th subnet on, one that nobody has here: a run that was killed leaves its own behind. */
async function freeSubnet(number: number): Promise<ExternalNetwork> {
  const links = JSON.parse(await run('ip', ['-j', 'address', 'show'])) as { addr_info: { local: string }[] }[];
  const taken = new Set(links.flatMap(({ addr_info }) => addr_info.map(({ local }) => local)));
  for (let subnet = number; subnet < 256; subnet += 1) if (!taken.has(`172.30.${subnet}.1`)) return { cidr: `172.30.${subnet}.0/24`, hostAddress: `172.30.${subnet}.1` };
  throw new Error('Every subnet of 172.30.0.0/16 has its first address on this machine: ip address show');
}

async function pidsOf({ layout, daemons }: Engines): Promise<number[]> {
  const alive = await Promise.all(daemons.map(async ({ pidFile, isAlive }) => ((await isAlive()) ? [Number(await readFile(pidFile, 'utf8'))] : [])));
  return [...new Set([...alive.flat(), ...(await processesIn(layout))])];
}

async function putGuest(folder: string, path: string): Promise<VettedImage> {
  const bytes = await readFile(path);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await copyFile(path, join(folder, sha256));
  const info = JSON.parse(await run('qemu-img', ['info', '-f', 'qcow2', '--output=json', path])) as { 'virtual-size': number };
  // Made by our own recipe above: there is nothing in it to be vetted.
  return { imageId: '00000000-0000-4000-8000-000000000001', sha256, format: 'qcow2', sizeBytes: bytes.length, virtualSizeBytes: info['virtual-size'] } as VettedImage;
}
