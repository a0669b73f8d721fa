/** The wiring of real hosts: what `main.ts` needs of libvirt and OVN, and what the supervisor keeps running. */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { HostIdentity } from './agent/enrolment.ts';
import { buildGuestImage } from './guest/build.ts';
import type { BlobStore, Driver } from './drivers/driver.ts';
import { createLibvirtOvnDriver } from './drivers/libvirt-ovn/driver.ts';
import { installNewerEngines, installPackages, missingPackages } from './drivers/libvirt-ovn/engines-install.ts';
import { admitHosts, describeEngines, saveGuests, startEngines, stopEngines, type EngineOptions, type Engines } from './drivers/libvirt-ovn/engines.ts';
import { processesIn } from './drivers/libvirt-ovn/external-network.ts';
import { openGuests } from './drivers/libvirt-ovn/metadata/guests.ts';
import { createMetadataService } from './drivers/libvirt-ovn/metadata/service.ts';
import { createJoinedNetworkDriver, onTunnelledNetworks } from './drivers/libvirt-ovn/network/joined-network.ts';
import { createNetworkDriver } from './drivers/libvirt-ovn/network/network.ts';
import { switchCounts } from './drivers/libvirt-ovn/network/traffic.ts';
import { connectOvsdb } from './drivers/libvirt-ovn/ovsdb.ts';
import type { Log } from './kit/log.ts';
import { layoutOf, machineCache, type CloudConfig } from './supervisor/config.ts';
import type { EngineRoom } from './supervisor/supervisor.ts';
import { doStep, Unstartable } from './supervisor/steps.ts';

export function engineRoom(config: CloudConfig): EngineRoom & { clear(): Promise<void> } {
  let options = engineOptions(config);
  let engines: Promise<Engines> | undefined;
  return {
    async install(report) {
      await mkdir(machineCache, { recursive: true });
      const missing = await missingPackages();
      try {
        if (missing.length > 0) await doStep(report, `Install ${missing.length} packages of the distribution (${missing.slice(0, 6).join(', ')}${missing.length > 6 ? ', …' : ''})`, (doing) => installPackages({ onProgress: doing }));
        await doStep(report, 'Look for Open vSwitch 3.5 and OVN 25.03', (doing) => installNewerEngines({ cacheDir: machineCache, onProgress: doing }).then(() => undefined));
      } catch (cause) {
        throw new Unstartable(
          `An engine of real machines cannot be installed: ${cause instanceof Error ? cause.message : String(cause)}`,
          'Mend that, or take simulated hosts: intercloud up --driver simulated --state <another folder>',
          { cause },
        );
      }
    },
    async buildImage(report) {
      const image = await doStep(report, 'Build the guest image', (doing) => buildGuestImage({ cacheDir: machineCache, onProgress: doing }));
      const { guestImage } = layoutOf(config.stateDir);
      await mkdir(dirname(guestImage), { recursive: true });
      await rm(guestImage, { force: true });
      await symlink(image.path, guestImage);
    },
    async start() {
      if (config.member) await layOutIdentity(config);
      engines = startEngines(options);
      const { daemons } = await engines;
      return daemons.map((daemon) => ({
        name: daemon.name,
        // As they are to be now, and not while they are being changed.
        start: async () => (await engines)?.daemons.find(({ name }) => name === daemon.name)?.start(),
        isAlive: () => daemon.isAlive(),
        pid: () => Promise.resolve(pidIn(daemon.pidFile)),
      }));
    },
    async admitHosts(gate) {
      const changed = { ...options, ...tunnelsOf({ ...config, gate }) };
      if (!changed.tunnels) return;
      const before = engines;
      engines = admitHosts({ ...changed, tunnels: changed.tunnels });
      try {
        await engines;
      } catch (error) {
        engines = before;
        throw error;
      }
      options = changed;
    },
    async stop(log) {
      await keepGuests(options, log).catch((error: unknown) => log.error({ err: error }, 'machines could not be saved and start anew next time'));
      await stopEngines(options, { endGuests: true });
    },
    async clear() {
      await stopEngines(options, { endGuests: true });
    },
  };
}

async function keepGuests(options: EngineOptions, log: Log): Promise<void> {
  const { layout, daemons } = await describeEngines(options);
  if ((await processesIn(layout)).length === 0) return;
  // It may have died a moment ago, with its guests running on.
  await daemons.find(({ name }) => name === 'libvirtd')?.start();
  for (const { name, cause } of await saveGuests(options)) log.warn({ err: cause, machine: name }, 'a machine could not be saved and starts anew next time');
}

export async function makeRealDriver(config: CloudConfig, blobs: BlobStore, log: Log): Promise<Driver> {
  if (config.member) return makeJoinedDriver(config, blobs, log);
  const options = engineOptions(config);
  const { layout, programs } = await describeEngines(options);
  const southbound = connectOvsdb({ address: `unix:${layout.sbSocket}`, database: 'OVN_Southbound' });
  const northbound = connectOvsdb({ address: `unix:${layout.nbSocket}`, database: 'OVN_Northbound' });
  const database = connectOvsdb({ address: `unix:${layout.confSocket}`, database: 'Open_vSwitch' });
  const localSwitch = { database, bridge: layout.integrationBridge };
  const onError = (error: unknown) => log.error({ err: error }, 'the host could not do what nobody waits for');
  const guests = await openGuests(layout.stateDir);
  const metadata = createMetadataService({ local: localSwitch, cloudId: config.cloudId, namespace: layout.namespace, lookup: guests.lookup, onError });
  const networks = await createNetworkDriver({ northbound, gatewayHosts: () => [options.hostId], counting: { hostId: options.hostId, counts: switchCounts({ layout, programs, southbound }) } });
  const machines = await createLibvirtOvnDriver({ layout, hostId: options.hostId, address: addressOf(config), blobs, networks, localSwitch, cacheDir: machineCache, onError });
  await guests.resume(metadata);
  const driver = guests.around(machines, metadata);
  return {
    ...driver,
    async close() {
      await driver.close();
      await metadata.close();
      await Promise.all([northbound.close(), southbound.close(), database.close()]);
    },
  };
}

/** Of a host that joined: machines as everywhere, networks as OVN brings them. */
async function makeJoinedDriver(config: CloudConfig, blobs: BlobStore, log: Log): Promise<Driver> {
  const options = engineOptions(config);
  const { layout } = await describeEngines(options);
  const database = connectOvsdb({ address: `unix:${layout.confSocket}`, database: 'Open_vSwitch' });
  const localSwitch = { database, bridge: layout.integrationBridge };
  const onError = (error: unknown) => log.error({ err: error }, 'the host could not do what nobody waits for');
  const guests = await openGuests(layout.stateDir);
  const metadata = createMetadataService({ local: localSwitch, cloudId: config.cloudId, namespace: layout.namespace, lookup: guests.lookup, onError });
  const machines = await createLibvirtOvnDriver({ layout, hostId: options.hostId, address: addressOf(config), blobs, networks: createJoinedNetworkDriver(localSwitch), localSwitch, cacheDir: machineCache, onError });
  await guests.resume(metadata);
  const driver = onTunnelledNetworks(guests.around(machines, metadata), guests.network);
  return {
    ...driver,
    async close() {
      await driver.close();
      await metadata.close();
      await database.close();
    },
  };
}

/** What a host has as one file, its ovn-controller reads as three. */
async function layOutIdentity({ stateDir }: CloudConfig): Promise<void> {
  const { hostIdentity, hostAuthority, southboundCertificate, southboundKey } = layoutOf(stateDir);
  const { key, certificate, authority } = JSON.parse(await readFile(hostIdentity, 'utf8')) as HostIdentity;
  await mkdir(dirname(hostAuthority), { recursive: true, mode: 0o755 });
  await writeFile(southboundKey, key, { mode: 0o600 });
  await writeFile(southboundCertificate, certificate);
  await writeFile(hostAuthority, authority);
}

/** By which other hosts reach this one. */
function addressOf({ member, gate }: CloudConfig): string {
  return member?.tunnels?.address ?? gate?.host ?? '127.0.0.1';
}

function tunnelsOf(config: CloudConfig): Pick<EngineOptions, 'tunnels'> {
  const { southboundKey: key, southboundCertificate: certificate, hostAuthority: authority } = layoutOf(config.stateDir);
  const port = config.member?.tunnels?.southboundPort ?? config.gate?.southboundPort;
  if (port === undefined) return {};
  return { tunnels: { underlay: { address: addressOf(config) }, southbound: { side: config.member ? 'follows' : 'serves', port, tls: { key, certificate, authority } } } };
}

function engineOptions(config: CloudConfig): EngineOptions {
  const { agent } = layoutOf(config.stateDir);
  return {
    stateDir: agent,
    cloudId: config.cloudId,
    hostId: config.member?.hostId ?? `host-${config.cloudId}`,
    external: config.member ? null : { cidr: config.externalNetwork.cidr, hostAddress: config.externalNetwork.gateway },
    ...tunnelsOf(config),
    cacheDir: machineCache,
  };
}

function pidIn(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
