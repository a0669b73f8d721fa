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
import { switchDaemons } from '../switch-daemons.ts';
import { createNetworkDriver, type OvnNetworkDriver } from './network.ts';
import { plugInterface } from './plug.ts';
import { shieldInterface } from './shield.ts';

export const isRoot = process.getuid?.() === 0;
export const HOST = 'host-1';

export type Ovn = {
  layout: EngineLayout;
  daemons: EngineDaemon[];
  northbound: OvsdbClient;
  local: { database: OvsdbClient; bridge: string };
  driver: OvnNetworkDriver;
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

/** `externalNumber` keeps the external subnets of tests that run side by side apart. */
export async function startOvn(t: TestContext, { externalNumber }: { externalNumber: number }): Promise<Ovn> {
  const cacheDir = process.env['INTERCLOUD_CACHE'] ?? join(process.env['HOME'] ?? '/root', '.cache', 'intercloud');
  const programs = await installNewerEngines({ cacheDir, onProgress: (line) => t.diagnostic(line) });
  const stateDir = await mkdtemp(join(tmpdir(), 'ic-ovn-'));
  const cloudId = `t${(process.pid % 46_656).toString(36)}${clouds++}`;
  const layout = engineLayout({ stateDir, cloudId });
  const daemons = switchDaemons({ layout, programs, hostId: HOST });
  const namespaces: string[] = [];
  const clients: OvsdbClient[] = [];
  t.after(async () => {
    for (const client of clients) await client.close();
    for (const namespace of namespaces) await run('ip', ['netns', 'delete', namespace]);
    for (const daemon of daemons.toReversed()) await daemon.stop();
    await removeExternalNetwork(layout);
    await rm(stateDir, { recursive: true, force: true });
  });
  await ensureExternalNetwork(layout, { cidr: `172.29.${externalNumber}.0/24`, hostAddress: `172.29.${externalNumber}.1` });
  for (const daemon of daemons) await daemon.start();
  const northbound = connectOvsdb({ address: `unix:${layout.nbSocket}`, database: 'OVN_Northbound' });
  const database = connectOvsdb({ address: `unix:${layout.confSocket}`, database: 'Open_vSwitch' });
  clients.push(northbound, database);
  const local = { database, bridge: layout.integrationBridge };
  const driver = await createNetworkDriver({ northbound, gatewayHosts: () => [HOST] });

  let guests = 0;
  const guest: Ovn['guest'] = async ({ portId, mac, addresses, gateway, routes = [] }) => {
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
  return { layout, daemons, northbound, local, driver, guest };
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
