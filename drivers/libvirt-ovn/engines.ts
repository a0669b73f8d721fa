/** The engines under one cloud on this host: libvirt, Open vSwitch and OVN, each started, watched and stopped by itself. */
import { join } from 'node:path';
import { DriverError } from '../driver.ts';
import { chooseAccelerator, type Accelerator } from './accelerator.ts';
import type { EngineDaemon } from './engine-daemon.ts';
import { engineLayout, type EngineLayout } from './engine-layout.ts';
import { chooseEnginePrograms, type EnginePrograms } from './engine-programs.ts';
import { endProcesses, ensureCloudNamespace, ensureExternalNetwork, processesIn, removeExternalNetwork, type ExternalNetwork } from './external-network.ts';
import { createLibvirt } from './libvirt/libvirt.ts';
import { domainState } from './libvirt/protocol.ts';
import { libvirtDaemon, qemuUser } from './libvirt-daemon.ts';
import { removeNamespaces } from './metadata/namespace.ts';
import { switchDaemons, type SwitchOptions } from './switch-daemons.ts';
import { ensureUnderlay, removeUnderlay } from './underlay.ts';

export type EngineOptions = {
  stateDir: string;
  /** Short: 1 to 8 of a-z and 0-9, another one for every cloud on the host. */
  cloudId: string;
  hostId: string;
  /** Null on a host that joined: its guests get out by the first one. */
  external: ExternalNetwork | null;
  /** With other hosts: how tunnels to them get out, and where the southbound database that all follow is. */
  tunnels?: Required<Pick<SwitchOptions, 'underlay' | 'southbound'>>;
  /** Where `installNewerEngines` unpacked newer programs, if this host needs them. */
  cacheDir: string;
};

export type Engines = {
  layout: EngineLayout;
  programs: EnginePrograms;
  /** In the order in which they start. Whoever finds one dead may `start` it alone. */
  daemons: EngineDaemon[];
};

export const emulator = '/usr/bin/qemu-system-x86_64';

/** How guests' instructions are run here. */
export async function hostAccelerator(cacheDir: string): Promise<Accelerator> {
  return chooseAccelerator({ answerFile: join(cacheDir, 'accelerator.json'), emulator, user: await qemuUser() });
}

/** What would run; starts nothing. `unavailable` until `installPackages` and `installNewerEngines` have been here. */
export async function describeEngines({ stateDir, cloudId, hostId, cacheDir, tunnels }: EngineOptions): Promise<Engines> {
  const layout = engineLayout({ stateDir, cloudId });
  const programs = await chooseEnginePrograms(join(cacheDir, 'switch-root'));
  if (!programs) throw new DriverError('unavailable', 'Open vSwitch 3.5 and OVN 25.03 or newer are not installed');
  return { layout, programs, daemons: [...switchDaemons({ layout, programs, hostId, ...tunnels }), libvirtDaemon({ layout, cacheDir, accelerator: () => hostAccelerator(cacheDir) })] };
}

/** Starts what does not run. Needs root. */
export async function startEngines(options: EngineOptions): Promise<Engines> {
  const engines = await describeEngines(options);
  await ensureNetworks(engines.layout, options);
  const libvirtd = engines.daemons.at(-1);
  const others = engines.daemons.slice(0, -1);
  await Promise.all([libvirtd?.start(), inOrder(others)]);
  return engines;
}

/**
 * Lets hosts on other machines in, on one whose engines run already: from now on it has an address for tunnels, and its southbound database is
 * served to those who know it. Guests are without a network for a moment, while the switch begins anew.
 */
export async function admitHosts(options: EngineOptions & Required<Pick<EngineOptions, 'tunnels'>>): Promise<Engines> {
  const engines = await describeEngines(options);
  await ensureNetworks(engines.layout, options);
  for (const daemon of engines.daemons.filter(({ name }) => thoseWithTunnels.has(name))) {
    await daemon.stop();
    await daemon.start();
  }
  return engines;
}

const thoseWithTunnels: ReadonlySet<string> = new Set(['ovsdb-server (ovnsb)', 'ovsdb-server (conf)', 'ovs-vswitchd']);

async function ensureNetworks(layout: EngineLayout, { external, tunnels }: EngineOptions): Promise<void> {
  if (external) await ensureExternalNetwork(layout, external);
  else await ensureCloudNamespace(layout);
  if (tunnels) await ensureUnderlay(layout, tunnels.underlay);
}

/**
 * Stops the daemons, last started first. Guests run on without a network, and have it again when the engines start; with
 * `endGuests` their processes are ended too. The namespace goes when nothing is left in it.
 */
export async function stopEngines(options: EngineOptions, { endGuests = false }: { endGuests?: boolean } = {}): Promise<void> {
  const { layout, daemons } = await describeEngines(options);
  for (const daemon of daemons.toReversed()) await daemon.stop();
  if (endGuests) await endProcesses(layout);
  if ((await processesIn(layout)).length > 0) return;
  await removeUnderlay(layout);
  await removeExternalNetwork(layout);
  await removeNamespaces(layout.cloudId);
}

/**
 * Keeps what every running guest has in memory on disk and ends it; the next `ensure` lets it go on from there.
 * libvirt-guests does the same when a host goes down. Resolves to the guests that could not be kept.
 */
export async function saveGuests({ stateDir, cloudId }: Pick<EngineOptions, 'stateDir' | 'cloudId'>): Promise<{ name: string; cause: unknown }[]> {
  const libvirt = createLibvirt({ socketPath: engineLayout({ stateDir, cloudId }).libvirtSocket });
  const lost: { name: string; cause: unknown }[] = [];
  try {
    // One at a time: they share the disk.
    for (const domain of await libvirt.listDomains())
      if ((await libvirt.state(domain)).state === domainState.running) await libvirt.save(domain).catch((cause: unknown) => lost.push({ name: domain.name, cause }));
  } finally {
    await libvirt.close();
  }
  return lost;
}

export async function engineStatus(options: EngineOptions): Promise<{ name: string; isAlive: boolean }[]> {
  const { daemons } = await describeEngines(options);
  return Promise.all(daemons.map(async ({ name, isAlive }) => ({ name, isAlive: await isAlive() })));
}

async function inOrder(daemons: EngineDaemon[]): Promise<void> {
  for (const daemon of daemons) await daemon.start();
}
