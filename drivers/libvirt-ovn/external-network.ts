/**
 * The network by which a cloud's guests and floating addresses meet the host, and through it the world.
 *
 * A veth joins the host's namespace to the cloud's external bridge. The host has the subnet's gateway address on its end, so it
 * reaches floating addresses directly, and what leaves the subnet for elsewhere is masqueraded as the host.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { DriverError } from '../driver.ts';
import { run } from './command.ts';
import type { EngineLayout } from './engine-layout.ts';

/** `hostAddress` is the gateway of the subnet. Clouds on one host need subnets that do not overlap. */
export type ExternalNetwork = { cidr: string; hostAddress: string };

/** The port of the external bridge, in the cloud's namespace. */
export const externalBridgePort = 'ex0';

/** Makes the cloud's namespace. Repeating it changes nothing. */
export async function ensureCloudNamespace({ namespace }: EngineLayout): Promise<void> {
  const namespaces = JSON.parse((await run('ip', ['-j', 'netns', 'list'])) || '[]') as { name: string }[];
  if (!namespaces.some(({ name }) => name === namespace)) await run('ip', ['netns', 'add', namespace]);
  await run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
}

/** Makes the veth from the cloud's namespace to the host. Repeating it changes nothing. */
export async function ensureExternalNetwork(layout: EngineLayout, { cidr, hostAddress }: ExternalNetwork): Promise<void> {
  const { externalInterface: host, namespace } = layout;
  await ensureCloudNamespace(layout);

  const links = JSON.parse(await run('ip', ['-j', 'address', 'show'])) as { ifname: string; addr_info: { local: string; prefixlen: number }[] }[];
  const prefix = Number(cidr.split('/')[1]);
  const clash = links.find(({ ifname, addr_info }) => ifname !== host && addr_info.some(({ local }) => local === hostAddress));
  if (clash) throw new DriverError('invalid', `${hostAddress} is already an address of ${clash.ifname}: give this cloud another external subnet`);
  if (!links.some(({ ifname }) => ifname === host))
    await run('ip', ['link', 'add', host, 'type', 'veth', 'peer', 'name', externalBridgePort, 'netns', namespace]);
  await run('ip', ['address', 'replace', `${hostAddress}/${prefix}`, 'dev', host]);
  await run('ip', ['link', 'set', host, 'up']);
  await run('ip', ['-n', namespace, 'link', 'set', externalBridgePort, 'up']);
  // The switch computes no checksums for packets that came with the promise of one.
  await run('ethtool', ['-K', host, 'tx', 'off']);

  await run('nft', ['-f', '-'], { input: masquerade(layout, cidr) });
  await letForward();
}

/** The host passes packets on from one interface to another. */
export async function letForward(): Promise<void> {
  if ((await readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).trim() !== '1') await writeFile('/proc/sys/net/ipv4/ip_forward', '1');
}

/** Takes away the namespace with all that is in it, the veth and the rule. */
export async function removeExternalNetwork(layout: EngineLayout): Promise<void> {
  await run('nft', ['-f', '-'], { input: `add table ip ${tableOf(layout)}\ndelete table ip ${tableOf(layout)}\n` });
  await run('ip', ['link', 'delete', layout.externalInterface]).catch(unlessAbsent);
  await run('ip', ['netns', 'delete', layout.namespace]).catch(unlessAbsent);
}

/** The processes that are in the cloud's namespace: its daemons, and its guests. */
export async function processesIn({ namespace }: EngineLayout): Promise<number[]> {
  const pids = await run('ip', ['netns', 'pids', namespace]).catch((error: unknown) => {
    unlessAbsent(error);
    return '';
  });
  return pids.split('\n').filter(Boolean).map(Number);
}

/** Asks them to end, and after a while makes them. */
export async function endProcesses(layout: EngineLayout): Promise<void> {
  const deadline = performance.now() + 5_000;
  let asked = new Set<number>();
  for (let pids = await processesIn(layout); pids.length > 0; pids = await processesIn(layout)) {
    const isLate = performance.now() > deadline;
    for (const pid of pids) if (isLate || !asked.has(pid)) signal(pid, isLate ? 'SIGKILL' : 'SIGTERM');
    asked = new Set(pids);
    await pause(50);
  }
}

function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended meanwhile.
  }
}

function masquerade(layout: EngineLayout, cidr: string): string {
  const table = tableOf(layout);
  // In one transaction, so that no packet meets a host without the rule.
  return `add table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${cidr} oifname != "${layout.externalInterface}" masquerade
  }
}
`;
}

function tableOf({ cloudId }: EngineLayout): string {
  return `intercloud_${cloudId}`;
}

function unlessAbsent(error: unknown): void {
  if (error instanceof DriverError && /Cannot find device|No such file|Cannot open network namespace/.test(error.message)) return;
  throw error;
}
