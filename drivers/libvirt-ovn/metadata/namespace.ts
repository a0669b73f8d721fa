/** The place on this host where a network's guests find their metadata: a namespace plugged in as the network's service port. */
import { createHash } from 'node:crypto';
import type { NetworkSpec } from '../../driver.ts';
import { run } from '../command.ts';
import { METADATA_ADDRESS } from '../network/networks.ts';
import { servicePortName } from '../network/northbound.ts';
import { plugInterface, unplugInterface, type LocalSwitch } from '../network/plug.ts';
import { shieldInterface, unshieldInterface } from '../network/shield.ts';

/** nova and neutron know this one too: neutron/common/ovn/constants.py, METADATA_DEFAULT_IPV6. */
const METADATA_ADDRESS_V6 = 'fe80::a9fe:a9fe';
const INSIDE = 'eth0';

export type MetadataPlace = {
  /** The namespace's name, among those of the host. */
  namespace: string;
  /** The veth's end at the switch. */
  interface: string;
};

export type ServedNetwork = NetworkSpec & { servicePort: NonNullable<NetworkSpec['servicePort']> };

/** Where the switch is: the name of its namespace, when it is not the host's. */
export type SwitchPlace = { local: LocalSwitch; cloudId: string; namespace?: string };

export function placeOf(cloudId: string, networkId: string): MetadataPlace {
  const digest = createHash('sha256').update(`${cloudId} ${networkId}`).digest('hex');
  return { namespace: `ic-${cloudId}-m${digest.slice(0, 12)}`, interface: `m${digest.slice(0, 12)}` };
}

/** Makes the namespace and its addresses be as the network wants them, or finds them so. It is not plugged in yet. */
export async function ensureNamespace({ local, cloudId, namespace: at }: SwitchPlace, network: ServedNetwork): Promise<MetadataPlace & { isNew: boolean }> {
  const place = placeOf(cloudId, network.id);
  const isNew = !(await namespaceNames()).includes(place.namespace);
  if (isNew) await run('ip', ['netns', 'add', place.namespace]);
  if (!(await linkNames(place.namespace)).includes(INSIDE)) {
    // The switch would go on listening to the one that was, although another has its name.
    await unplugInterface(local, place.interface);
    // What is left of a pair at the switch is in the way of a new one.
    if ((await linkNames(at)).includes(place.interface)) await run('ip', [...inNamespace(at), 'link', 'delete', place.interface]);
    await run('ip', [...inNamespace(at), 'link', 'add', place.interface, 'type', 'veth', 'peer', 'name', INSIDE, 'netns', place.namespace]);
    await shieldInterface(place.interface, { namespace: pathOf(at) });
    // The switch's userspace datapath takes packets as they are: nothing would compute what was left to hardware.
    await run('ethtool', ['-K', INSIDE, 'tx', 'off'], { namespace: pathOf(place.namespace) });
  }
  const commands = [
    'link set lo up',
    `link set ${INSIDE} address ${network.servicePort.mac} mtu ${network.mtu} addrgenmode none up`,
    ...(await addressChanges(place, network)),
  ];
  await run('ip', ['-n', place.namespace, '-batch', '-'], { input: `${commands.join('\n')}\n` });
  await run('ip', [...inNamespace(at), 'link', 'set', place.interface, 'up', 'mtu', String(network.mtu)]);
  return { ...place, isNew };
}

export async function plugNamespace({ local }: SwitchPlace, network: ServedNetwork, place: MetadataPlace): Promise<void> {
  await plugInterface(local, { name: place.interface, portId: servicePortName(network.id), mac: network.servicePort.mac });
}

export async function removeNamespace(at: SwitchPlace, networkId: string): Promise<void> {
  await removePlace(at, placeOf(at.cloudId, networkId));
}

export async function removePlace({ local, namespace: at }: SwitchPlace, place: MetadataPlace): Promise<void> {
  await unplugInterface(local, place.interface);
  if ((await linkNames(at)).includes(place.interface)) {
    await unshieldInterface(place.interface, { namespace: pathOf(at) });
    await run('ip', [...inNamespace(at), 'link', 'delete', place.interface]);
  }
  if ((await namespaceNames()).includes(place.namespace)) await run('ip', ['netns', 'delete', place.namespace]);
}

/** Takes away what is left of this cloud's namespaces when its switch has gone already, and with it their links to it. */
export async function removeNamespaces(cloudId: string): Promise<void> {
  for (const { namespace } of await strayPlaces(cloudId, [])) await run('ip', ['netns', 'delete', namespace]);
}

/** Namespaces of this cloud that no network among these has. */
export async function strayPlaces(cloudId: string, networkIds: string[]): Promise<MetadataPlace[]> {
  const wanted = new Set(networkIds.map((id) => placeOf(cloudId, id).namespace));
  const stem = `ic-${cloudId}-m`;
  const names = (await namespaceNames()).filter((name) => name.startsWith(stem) && !wanted.has(name));
  return names.map((namespace) => ({ namespace, interface: `m${namespace.slice(stem.length)}` }));
}

async function addressChanges(place: MetadataPlace, network: ServedNetwork): Promise<string[]> {
  const prefixes = new Map(network.subnets.map((subnet) => [subnet.id, subnet.cidr.split('/')[1]]));
  const own = network.servicePort.addresses.flatMap(({ subnetId, address }) => (prefixes.has(subnetId) ? [`${address}/${prefixes.get(subnetId)}`] : []));
  const wanted = new Set([...own, `${METADATA_ADDRESS}/32`, `${METADATA_ADDRESS_V6}/64`]);
  const links = JSON.parse(await run('ip', ['-j', '-n', place.namespace, 'address', 'show', 'dev', INSIDE])) as {
    addr_info?: { local: string; prefixlen: number }[];
  }[];
  const present = links.flatMap(({ addr_info = [] }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`));
  return [
    ...present.filter((address) => !wanted.has(address)).map((address) => `address delete ${address} dev ${INSIDE}`),
    ...[...wanted].filter((address) => !present.includes(address)).map((address) => `address add ${address} dev ${INSIDE}${address.includes(':') ? ' nodad' : ''}`),
  ];
}

async function namespaceNames(): Promise<string[]> {
  return (JSON.parse((await run('ip', ['-j', 'netns', 'list'])) || '[]') as { name: string }[]).map(({ name }) => name);
}

async function linkNames(namespace: string | undefined): Promise<string[]> {
  return (JSON.parse((await run('ip', ['-j', ...inNamespace(namespace), 'link', 'show'])) || '[]') as { ifname: string }[]).map(({ ifname }) => ifname);
}

function inNamespace(name: string | undefined): string[] {
  return name === undefined ? [] : ['-n', name];
}

export function pathOf(namespace: string): string;
export function pathOf(namespace: string | undefined): string | undefined;
export function pathOf(namespace: string | undefined): string | undefined {
  return namespace === undefined ? undefined : `/run/netns/${namespace}`;
}
