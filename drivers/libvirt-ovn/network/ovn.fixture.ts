/** OVN on this machine for one test: a central, one host, an external network, and namespaces that stand for guests. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { run } from '../command.ts';
import { engineLayout, type EngineLayout } from '../engine-layout.ts';
import { installNewerEngines } from '../engines-install.ts';
import type { EngineDaemon } from '../engine-daemon.ts';
import { ensureExternalNetwork, removeExternalNetwork } from '../external-network.ts';
import { connectOvsdb, type OvsdbClient } from '../ovsdb.ts';
import type { EnginePrograms } from '../engine-programs.ts';
import { switchDaemons, type SwitchOptions } from '../switch-daemons.ts';
import { ensureUnderlay, removeUnderlay } from '../underlay.ts';
import { createNetworkDriver, type OvnNetworkDriver } from './network.ts';
import { plugInterface } from './plug.ts';
import { shieldInterface } from './shield.ts';
import { switchCounts } from './traffic.ts';

export const isRoot = process.getuid?.() === 0;
export const HOST = 'host-1';

export type Ovn = OvnHost & { northbound: OvsdbClient; driver: OvnNetworkDriver };

export type OvnHost = {
  layout: EngineLayout;
  programs: EnginePrograms;
  daemons: EngineDaemon[];
  local: { database: OvsdbClient; bridge: string };
  /** A namespace with these addresses, plugged in as the port's guest. */
  guest(guest: { portId: string; mac: string; addresses: string[]; gateway?: string; routes?: [string, string][] }): Promise<Guest>;
};

export type Guest = {
  namespace: string;
  run(program: string, ...args: string[]): Promise<string>;
  /** Whether one of a few pings is answered. */
  reaches(address: string): Promise<boolean>;
};

let clouds = 0;

/** `externalNumber` keeps the external subnets of tests that run side by side apart. `tunnels`: to other hosts, by the address that this one has in that subnet. */
export type OvnHostOptions = { externalNumber: number; hostId?: string; tunnels?: boolean } & Pick<SwitchOptions, 'southbound'>;

export async function startOvn(t: TestContext, options: OvnHostOptions): Promise<Ovn> {
  const clients: OvsdbClient[] = [];
  // Before what it is connected to.
  t.after(async () => void (await Promise.all(clients.map((client) => client.close()))));
  const host = await startOvnHost(t, options);
  const northbound = connectOvsdb({ address: `unix:${host.layout.nbSocket}`, database: 'OVN_Northbound' });
  clients.push(northbound);
  const southbound = connectOvsdb({ address: `unix:${host.layout.sbSocket}`, database: 'OVN_Southbound' });
  clients.push(southbound);
  const hostId = options.hostId ?? HOST;
  const driver = await createNetworkDriver({ northbound, gatewayHosts: () => [hostId], counting: { hostId, counts: switchCounts({ ...host, southbound }) } });
  return { ...host, northbound, driver };
}

export async function startOvnHost(t: TestContext, { externalNumber, hostId = HOST, tunnels = false, southbound }: OvnHostOptions): Promise<OvnHost> {
  const cacheDir = process.env['INTERCLOUD_CACHE'] ?? join(process.env['HOME'] ?? '/root', '.cache', 'intercloud');
  const programs = await installNewerEngines({ cacheDir, onProgress: (line) => t.diagnostic(line) });
  const stateDir = await mkdtemp(join(tmpdir(), 'ic-ovn-'));
  const cloudId = `t${(process.pid % 46_656).toString(36)}${clouds++}`;
  const layout = engineLayout({ stateDir, cloudId });
  const underlay = tunnels ? { address: `172.29.${externalNumber}.1` } : undefined;
  const daemons = switchDaemons({ layout, programs, hostId, ...(underlay ? { underlay } : {}), ...(southbound ? { southbound } : {}) });
  const namespaces: string[] = [];
  const clients: OvsdbClient[] = [];
  t.after(async () => {
    for (const client of clients) await client.close();
    for (const namespace of namespaces) await run('ip', ['netns', 'delete', namespace]);
    for (const daemon of daemons.toReversed()) await daemon.stop();
    if (underlay) await removeUnderlay(layout);
    await removeExternalNetwork(layout);
    await rm(stateDir, { recursive: true, force: true });
  });
  await ensureExternalNetwork(layout, { cidr: `172.29.${externalNumber}.0/24`, hostAddress: `172.29.${externalNumber}.1` });
  if (underlay) await ensureUnderlay(layout, underlay);
  for (const daemon of daemons) await daemon.start();
  const database = connectOvsdb({ address: `unix:${layout.confSocket}`, database: 'Open_vSwitch' });
  clients.push(database);
  const local = { database, bridge: layout.integrationBridge };
  let guests = 0;
  const guest: OvnHost['guest'] = async ({ portId, mac, addresses, gateway, routes = [] }) => {
    const tap = `g${guests++}`;
    const namespace = `ic-${cloudId}-${tap}`;
    await run('ip', ['netns', 'add', namespace]);
    namespaces.push(namespace);
    const inside = (program: string, ...args: string[]): Promise<string> =>
      run(program, args, { namespace: `/run/netns/${namespace}`, timeoutMs: 20_000 });
    await run('ip', ['-n', layout.namespace, 'link', 'add', tap, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
    await inside('ethtool', '-K', 'eth0', 'tx', 'off');
    await inside('ip', 'link', 'set', 'lo', 'up');
    await inside('ip', 'link', 'set', 'eth0', 'address', mac, 'mtu', '1442', 'up');
    for (const address of addresses) await inside('ip', 'address', 'add', address, 'dev', 'eth0', 'nodad');
    if (gateway) await inside('ip', 'route', 'add', 'default', 'via', gateway);
    for (const [destination, nextHop] of routes) await inside('ip', 'route', 'add', destination, 'via', nextHop);
    await shieldInterface(tap, { namespace: layout.networkNamespacePath });
    await run('ip', ['-n', layout.namespace, 'link', 'set', tap, 'up']);
    await plugInterface(local, { name: tap, portId, mac });
    return {
      namespace,
      run: inside,
      reaches: async (address) => {
        const answered = await inside('ping', '-c', '3', '-i', '0.2', '-W', '1', address).then(() => true, () => false);
        return answered;
      },
    };
  };
  return { layout, programs, daemons, local, guest };
}

/** Asks again until the answer is this, or the deadline has passed; returns the last answer. */
export async function eventually<T>(ask: () => Promise<T>, wanted: T, timeoutMs = 8_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (isDeepStrictEqual(answer, wanted) || performance.now() > deadline) return answer;
    // Answers may come out of memory: the news that would change them must get a turn.
    await setTimeout(10);
  }
}
