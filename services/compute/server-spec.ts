/** What a driver is to make of a server: read from the rows, whoever asks and whenever. */
import type { GuestDevice, GuestMetadata, ServerSpec } from '../../drivers/driver.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { portsOfServers, type ServerPort } from '../network/ports.ts';
import { cellClaimsOf, cellsOf } from '../placement/cells.ts';
import { selectBlockDevices, selectInterfaces, type BlockDevice, type Interface } from './devices.store.ts';
import { nextDevice } from './device-names.ts';
import { diskPrefix, hardwareOf } from './hardware.ts';
import { shortName } from './local-disks.ts';
import { findServer, type Server } from './servers.store.ts';

export const defaultZone = 'nova';

/** It has no host, or is not there any more: no driver has to be told anything. */
export class Unplaced extends Error {
  override name = 'Unplaced';
  readonly retryable = false;
}

export async function serverSpec(tx: Transaction, id: string): Promise<ServerSpec> {
  const server = await findServer(tx, id);
  if (!server?.hostId) throw new Unplaced(`Server ${id} has no host`);
  const devices = (await selectBlockDevices(tx, [id])).filter(({ state }) => state !== 'detaching');
  const interfaces = (await selectInterfaces(tx, [id])).filter(({ state }) => state !== 'detaching');
  const known = new Map(((await portsOfServers(tx, [id])).get(id) ?? []).map((port) => [port.portId, port]));
  // A port that was deleted under the server is not there any more.
  const ports = interfaces.flatMap(({ portId }) => known.get(portId) ?? []);
  const hardware = hardwareOf({ flavor: server.flavor, image: server.imageProperties });
  const prefix = diskPrefix(server.imageProperties);
  const cells = cellsOf(server.flavor, server.imageProperties) === undefined ? [] : await cellClaimsOf(tx, id);
  return {
    id,
    generation: server.generation,
    hostId: server.hostId,
    power: server.power,
    vcpus: server.flavor.vcpus,
    memoryMiB: server.flavor.memoryMiB,
    bootEpoch: server.bootEpoch,
    rootDisk: rootDiskOf(server, devices.find(({ isRoot }) => isRoot)?.volumeId),
    ...(server.rescue ? { rescue: { image: server.rescue.image, rootDevice: `/dev/${nextDevice([`${prefix}a`, ...[...server.localDisks, ...devices].map(shortName)], prefix)}` } } : {}),
    ...(prefix === 'vd' ? {} : { rootDevice: `/dev/${prefix}a` }),
    ...(Object.keys(hardware).length === 0 ? {} : { hardware }),
    ...(server.localDisks.length === 0 ? {} : { localDisks: server.localDisks.map(({ name, sizeMiB, device, format }) => ({ name, sizeMiB, device, format, epoch: server.diskEpoch })) }),
    volumes: devices.filter(({ isRoot }) => !isRoot).map(({ volumeId, device }) => ({ volumeId, device })),
    ...(cells.length === 0 ? {} : { cells }),
    nics: ports.map(({ portId, networkId, mac, mtu, addresses }) => ({ portId, networkId, mac, mtu, addresses: addresses.map(({ address }) => address) })),
    configDrive: server.configDrive !== '',
    metadata: { ...metadataOf(server, ports), devices: namedDevices([...server.localDisks.map(({ name, device, tag }) => ({ volumeId: name, device, tag })), ...devices], interfaces, known) },
  };
}

function rootDiskOf(server: Server, rootVolumeId: string | undefined): ServerSpec['rootDisk'] {
  if (server.rootImage) return { kind: 'image', image: server.rootImage, sizeGiB: server.rootDiskGiB, epoch: server.diskEpoch };
  if (rootVolumeId === undefined) throw new Unplaced(`Server ${server.id} has no root disk any more`);
  return { kind: 'volume', volumeId: rootVolumeId };
}

/** Those that have a tag: nova/virt/libvirt/driver.py, _build_device_metadata */
function namedDevices(disks: readonly Pick<BlockDevice, 'volumeId' | 'device' | 'tag'>[], interfaces: readonly Interface[], ports: ReadonlyMap<string, ServerPort>): GuestDevice[] {
  return [
    ...interfaces.flatMap(({ portId, tag }) => {
      const mac = ports.get(portId)?.mac;
      return tag === null || mac === undefined ? [] : [{ type: 'nic' as const, mac, tags: [tag] }];
    }),
    ...disks.flatMap(({ volumeId, device, tag }) => (tag === null ? [] : [{ type: 'disk' as const, serial: volumeId, path: device, tags: [tag] }])),
  ];
}

function metadataOf(server: Server, ports: readonly (ServerPort & { floatingIps: string[]; securityGroups: { name: string }[] })[]): GuestMetadata {
  return {
    uuid: server.id,
    name: server.name,
    hostname: server.hostname,
    projectId: server.projectId,
    availabilityZone: server.availabilityZone ?? defaultZone,
    launchIndex: server.launchIndex,
    publicKeys: server.keyName !== null && server.publicKey !== null ? { [server.keyName]: server.publicKey } : {},
    meta: server.metadata,
    adminPass: server.adminPass,
    userData: server.userData,
    ...(server.files.length === 0 ? {} : { files: server.files }),
    networkData: networkDataOf(ports),
    fixedIps: ports.flatMap(({ addresses }) => addresses.map(({ address }) => address)),
    floatingIps: ports.flatMap(({ floatingIps }) => floatingIps),
    securityGroups: [...new Set(ports.flatMap(({ securityGroups }) => securityGroups.map(({ name }) => name)))],
    instanceType: server.flavor.name,
  };
}

/** network_data.json: nova/virt/netutils.py, get_network_metadata */
function networkDataOf(ports: readonly ServerPort[]): Record<string, unknown> {
  const services = [...new Set(ports.flatMap(({ addresses }) => addresses.flatMap(({ dnsServers }) => dnsServers)))].map((address) => ({ type: 'dns', address }));
  return {
    links: ports.map(({ portId, mac, mtu }) => ({ id: linkOf(portId), vif_id: portId, type: 'ovs', mtu, ethernet_mac_address: mac })),
    networks: ports
      .flatMap((port) => port.addresses.map((address) => ({ ...address, portId: port.portId, networkId: port.networkId })))
      .map(({ address, version, cidr, gateway, dnsServers, portId, networkId }, index) => ({
        id: `network${index}`,
        type: version === 4 ? 'ipv4' : 'ipv6',
        link: linkOf(portId),
        ip_address: address,
        netmask: maskOf(cidr, version),
        routes: gateway === null ? [] : [{ network: version === 4 ? '0.0.0.0' : '::', netmask: version === 4 ? '0.0.0.0' : '::', gateway }],
        network_id: networkId,
        services: dnsServers.map((server) => ({ type: 'dns', address: server })),
      })),
    services,
  };
}

const linkOf = (portId: string) => `tap${portId.slice(0, 11)}`;

function maskOf(cidr: string, version: 4 | 6): string {
  const prefix = Number(cidr.split('/')[1]);
  const bytes = Array.from({ length: version === 4 ? 4 : 16 }, (_, index) => 256 - 2 ** (8 - Math.min(8, Math.max(0, prefix - index * 8))));
  if (version === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[index * 2]! * 256 + bytes[index * 2 + 1]!).toString(16));
  return prefix === 128 ? groups.join(':') : groups.join(':').replace(/(:0)+$/, '::').replace(/^0::$/, '::');
}
