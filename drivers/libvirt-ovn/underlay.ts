/**
 * How tunnels to other hosts get out of a cloud's namespace, and those of others in: by a veth to the host's own namespace. The switch has
 * the host's own address, for OVN (25.03, encaps.c) makes tunnels from and to the very addresses that hosts say; the host would take packets
 * from itself for forged and those to itself for its own, so that on the veth it sees an address of the veth's instead.
 */
import { createHash } from 'node:crypto';
import { run } from './command.ts';
import type { EngineLayout } from './engine-layout.ts';
import { letForward } from './external-network.ts';
import { shieldInterface } from './network/shield.ts';

/** `address`: by which other hosts reach this one. */
export type Underlay = { address: string };

/** The port of the bridge for tunnels, in the cloud's namespace. */
export const underlayPort = 'un0';

const genevePort = 6081;

/** Before the switch starts. Repeating it changes nothing. */
export async function ensureUnderlay(layout: EngineLayout, underlay: Underlay): Promise<void> {
  const { underlayInterface: host, namespace } = layout;
  const links = JSON.parse(await run('ip', ['-j', 'link', 'show'])) as { ifname: string }[];
  if (!links.some(({ ifname }) => ifname === host)) await run('ip', ['link', 'add', host, 'type', 'veth', 'peer', 'name', underlayPort, 'netns', namespace]);
  await run('ip', ['address', 'replace', `${linkOf(layout).host}/30`, 'dev', host]);
  await run('ip', ['link', 'set', host, 'up']);
  // Or the namespace's own stack would answer for the bridge's address, and take what is the switch's.
  await shieldInterface(underlayPort, { namespace: layout.networkNamespacePath });
  await run('ip', ['-n', namespace, 'link', 'set', underlayPort, 'up']);
  // The switch computes no checksums for packets that came with the promise of one.
  await run('ethtool', ['-K', host, 'tx', 'off']);
  await run('nft', ['-f', '-'], { input: translation(layout, underlay) });
  await letForward();
}

/** When the switch runs: its bridge for tunnels has its address from now on, and the way out. */
export async function useUnderlay(layout: EngineLayout, { address }: Underlay): Promise<void> {
  const { namespace, underlayBridge } = layout;
  const link = linkOf(layout);
  for (const own of [`${link.own}/30`, `${address}/32`]) await run('ip', ['-n', namespace, 'address', 'replace', own, 'dev', underlayBridge]);
  await run('ip', ['-n', namespace, 'link', 'set', underlayBridge, 'up']);
  await run('ip', ['-n', namespace, 'route', 'replace', 'default', 'via', link.host, 'dev', underlayBridge]);
}

export async function removeUnderlay(layout: EngineLayout): Promise<void> {
  for (const family of ['netdev', 'ip']) await run('nft', ['-f', '-'], { input: `add table ${family} ${tableOf(layout)}\ndelete table ${family} ${tableOf(layout)}\n` });
  const links = JSON.parse(await run('ip', ['-j', 'link', 'show'])) as { ifname: string }[];
  if (links.some(({ ifname }) => ifname === layout.underlayInterface)) await run('ip', ['link', 'delete', layout.underlayInterface]);
}

/** The two ends of the veth: of 169.254.0.0/17, by the cloud's id, so that clouds on one machine do not meet, nor the metadata service. */
function linkOf({ cloudId }: Pick<EngineLayout, 'cloudId'>): { host: string; own: string } {
  const number = createHash('sha256').update(cloudId).digest().readUInt16BE() & 0x7f_fc;
  const at = (offset: number) => `169.254.${number >> 8}.${(number & 0xff) + offset}`;
  return { host: at(1), own: at(2) };
}

/**
 * Tunnels, and nothing else: a QEMU that was broken out of must not find the host or its network here. In one transaction, so that no
 * packet meets a host with half of it.
 */
function translation(layout: EngineLayout, { address }: Underlay): string {
  const table = tableOf(layout);
  const { own } = linkOf(layout);
  const { underlayInterface: veth } = layout;
  return `add table netdev ${table}
delete table netdev ${table}
table netdev ${table} {
  chain from_switch {
    type filter hook ingress device "${veth}" priority 0; policy accept;
    ip saddr ${address} udp dport ${genevePort} ip saddr set ${own}
    arp saddr ip ${address} arp saddr ip set ${own}
  }
  chain to_switch {
    type filter hook egress device "${veth}" priority 0; policy accept;
    ip daddr ${own} udp dport ${genevePort} ip daddr set ${address}
  }
}
add table ip ${table}
delete table ip ${table}
table ip ${table} {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ip daddr ${address} udp dport ${genevePort} dnat to ${own}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${own} udp dport ${genevePort} snat to ${address}
  }
  chain input {
    type filter hook input priority filter; policy accept;
    iifname "${veth}" drop
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${veth}" ip saddr ${own} udp dport ${genevePort} accept
    oifname "${veth}" ip daddr ${own} udp dport ${genevePort} accept
    iifname "${veth}" drop
    oifname "${veth}" drop
  }
}
`;
}

function tableOf({ cloudId }: EngineLayout): string {
  return `intercloud_${cloudId}_underlay`;
}
