/** Builders of what drivers are told, for tests: each is whole and right, and a wish changes it. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { DiskKeys, NetworkSpec, PortSpec, SecurityGroupSpec, ServerSpec, ServerState, VettedImage } from './driver.ts';

/** All belongs to one project: a cloud that keeps projects apart joins nothing across them. */
export const projectId = randomUUID().replaceAll('-', '');

export function serverOf(hostId: string, image: VettedImage, wish: Partial<ServerSpec> = {}): ServerSpec {
  const id = wish.id ?? randomUUID();
  return {
    id, generation: 1, hostId, power: 'running', vcpus: 1, memoryMiB: 64, bootEpoch: 0,
    rootDisk: { kind: 'image', image, sizeGiB: 0, epoch: 0 },
    volumes: [], nics: [], configDrive: false,
    metadata: {
      uuid: id, name: 'web', hostname: 'web', projectId, availabilityZone: 'nova', launchIndex: 0,
      publicKeys: { mine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB mine' },
      meta: {}, adminPass: null, userData: null, networkData: { links: [], networks: [], services: [] },
      fixedIps: [], floatingIps: [], securityGroups: ['default'], instanceType: 'm1.tiny',
    },
    ...wish,
  };
}

/** As it is reported when it is so. */
export function stateOf({ id, hostId, generation, power, volumes, nics }: ServerSpec): ServerState {
  const inOrder = volumes.toSorted((one, other) => (one.device < other.device ? -1 : 1));
  return { id, hostId, generation, power, volumes: inOrder.map(({ volumeId }) => volumeId), nics: nics.map(({ portId }) => portId) };
}

/** The addresses to the outside, where they are given. */
export function outsideOf(cidr: string | null): Pick<NetworkSpec, 'subnets'> | undefined {
  return cidr === null ? undefined : { subnets: [{ id: randomUUID(), version: 4, cidr, gateway: cidr.replace('.0/24', '.1'), dhcp: false, dnsServers: [], hostRoutes: [] }] };
}

export function networkSpec(wish: Partial<NetworkSpec> = {}): NetworkSpec {
  const [second, third] = randomBytes(2);
  const subnet = { id: randomUUID(), version: 4 as const, cidr: `10.${second}.${third}.0/24`, gateway: `10.${second}.${third}.1`, dhcp: true, dnsServers: [], hostRoutes: [] };
  return {
    kind: 'network', id: randomUUID(), projectId, generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, subnets: [subnet],
    servicePort: wish.physicalNetwork ? null : { mac: mac(), addresses: [{ subnetId: subnet.id, address: `10.${second}.${third}.2` }] },
    ...wish,
  };
}

export function groupSpec(): SecurityGroupSpec {
  const rule = { id: randomUUID(), direction: 'ingress' as const, version: 4 as const, protocol: 'tcp', portMin: 22, portMax: 22, remote: { kind: 'any' as const } };
  return { kind: 'security-group', id: randomUUID(), projectId, generation: 1, stateful: true, rules: [rule] };
}

export function portOn(net: NetworkSpec, group: SecurityGroupSpec, last: number, wish: Partial<PortSpec> = {}): PortSpec {
  return {
    kind: 'port', id: randomUUID(), projectId, generation: 1, networkId: net.id, adminUp: true, mac: mac(),
    addresses: [{ subnetId: net.subnets[0]!.id, address: addressIn(net, last) }],
    portSecurity: true, allowedAddressPairs: [], securityGroups: [group.id], hostId: null,
    ...wish,
  };
}

export function routerBetween(inside: NetworkSpec, outside: NetworkSpec) {
  return {
    kind: 'router' as const, id: randomUUID(), projectId, generation: 1, adminUp: true,
    interfaces: [{ portId: randomUUID(), networkId: inside.id, mac: mac(), addresses: [`${addressIn(inside, 1)}/24`] }],
    gateway: { portId: randomUUID(), networkId: outside.id, mac: mac(), addresses: [`${addressIn(outside, 100)}/24`], nextHops: [addressIn(outside, 1)], snat: true },
    routes: [],
  };
}

export function addressIn({ subnets }: NetworkSpec, last: number): string {
  return subnets[0]!.cidr.replace('.0/24', `.${last}`);
}

export function nicOf({ id, networkId, mac, addresses }: PortSpec): ServerSpec['nics'][number] {
  return { portId: id, networkId, mac, mtu: 1442, addresses: addresses.map(({ address }) => address) };
}

export function mac(): string {
  return `fa:16:3e:${[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

export function keysFor(...ids: string[]): DiskKeys {
  return Object.fromEntries(ids.map((id) => [id, randomBytes(32).toString('hex')]));
}
