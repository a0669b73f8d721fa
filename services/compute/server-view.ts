/** A server as Nova shows it. nova/api/openstack/compute/views/servers.py */
import { createHash } from 'node:crypto';
import type { ResponseOf } from '../../contract/contract.ts';
import type { servers as contract } from '../../contract/compute/servers.ts';
import type { Context } from '../../kit/http/implement.ts';
import { shownPortsOfServers, type ServerPortShown } from '../network/server-ports.ts';
import { isAlive, listHostsShown, type HostShown } from '../placement/hosts.ts';
import { selectBlockDevices, selectInterfaces, type BlockDevice } from './devices.store.ts';
import { diskPrefix } from './hardware.ts';
import { bookmark, linksTo } from './lists.ts';
import { statusOf } from './server-states.ts';
import type { ListedServer, Server } from './servers.store.ts';
import { asPreciseTime, asTime } from './words.ts';

export type ShownServer = ResponseOf<typeof contract.detail>['servers'][number];
type Viewing = Pick<Context, 'tx' | 'caller' | 'now'> & { base: string; url(path: string): string };

/** All of them with as many statements as one. */
export async function viewServers(request: Viewing, servers: readonly ListedServer[]): Promise<ShownServer[]> {
  const ids = servers.map(({ id }) => id);
  if (ids.length === 0) return [];
  const [ports, rows, hosts] = await Promise.all([orderedPorts(request, ids), selectBlockDevices(request.tx, ids), request.caller.isAdmin ? listHostsShown(request.tx, servers.flatMap(({ hostId }) => hostId ?? [])) : []]);
  const devices = Map.groupBy(rows, ({ serverId }) => serverId);
  const byId = new Map(hosts.map((host) => [host.id, host]));
  const hostIds = new Map<string, string>();
  return servers.map((server) => view(request, server, ports.get(server.id) ?? [], devices.get(server.id) ?? [], byId, hostIds));
}

/** By itself, with its groups. */
export async function viewServer(request: Viewing, server: Server): Promise<ShownServer & { server_groups: string[] }> {
  const [shown] = await viewServers(request, [server]);
  return { ...shown!, server_groups: server.groupId === null ? [] : [server.groupId] };
}

/** Ports in the order in which the guest sees them. */
export async function orderedPorts({ tx }: Pick<Context, 'tx'>, ids: readonly string[]): Promise<Map<string, ServerPortShown[]>> {
  const [rows, ports] = await Promise.all([selectInterfaces(tx, ids), shownPortsOfServers(tx, ids)]);
  const interfaces = Map.groupBy(rows, ({ serverId }) => serverId);
  return new Map(
    ids.map((id) => {
      const known = new Map((ports.get(id) ?? []).map((port) => [port.portId, port]));
      return [id, (interfaces.get(id) ?? []).flatMap(({ portId }) => known.get(portId) ?? [])];
    }),
  );
}

function view(request: Viewing, server: ListedServer, ports: readonly ServerPortShown[], devices: readonly BlockDevice[], hosts: ReadonlyMap<string, HostShown>, hostIds: Map<string, string>): ShownServer {
  const status = statusOf(server);
  const groups = [...new Set(ports.flatMap(({ securityGroups }) => securityGroups.map(({ name }) => name)))];
  return {
    id: server.id,
    name: server.name,
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: knownHostId(server, hostIds),
    image: server.imageId === null ? '' : { id: server.imageId, links: [bookmark(request, `/images/${server.imageId}`)], properties: server.imageProperties },
    flavor: flavorOf(request, server.flavor),
    created: asTime(server.createdAt),
    updated: asTime(server.updatedAt),
    addresses: addressesOf(server, ports),
    accessIPv4: server.accessIpv4,
    accessIPv6: server.accessIpv6,
    links: linksTo(request, `/servers/${server.id}`),
    'OS-DCF:diskConfig': server.diskConfig,
    ...(['ACTIVE', 'BUILD', 'REBUILD', 'RESIZE', 'VERIFY_RESIZE', 'MIGRATING'].includes(status) ? { progress: 0 } : {}),
    ...(server.fault !== null && (status === 'ERROR' || status === 'DELETED') ? { fault: faultOf(server.fault, request.caller.isAdmin) } : {}),
    'OS-EXT-AZ:availability_zone': server.hostId === null ? (server.availabilityZone ?? '') : (server.hostZone ?? 'nova'),
    config_drive: server.configDrive,
    key_name: server.keyName,
    'OS-SRV-USG:launched_at': server.launchedAt && asPreciseTime(server.launchedAt),
    'OS-SRV-USG:terminated_at': server.terminatedAt && asPreciseTime(server.terminatedAt),
    ...(groups.length > 0 ? { security_groups: groups.map((name) => ({ name })) } : {}),
    ...(request.caller.isAdmin ? forAdministrators(server, devices, hosts, request.now) : { 'OS-EXT-SRV-ATTR:hostname': server.hostname }),
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:power_state': powerStateOf(server),
    'os-extended-volumes:volumes_attached': devices.map(({ volumeId, deleteOnTermination }) => ({ id: volumeId, delete_on_termination: deleteOnTermination })),
    locked: server.locked,
    description: server.description,
    tags: server.tags,
    trusted_image_certificates: null,
    locked_reason: server.lockedReason,
    pinned_availability_zone: server.availabilityZone,
    scheduler_hints: server.schedulerHints,
  };
}

function flavorOf(request: Viewing, { id, name, vcpus, memoryMiB, diskGiB, ephemeralGiB, swapMiB, extraSpecs }: Server['flavor']): ShownServer['flavor'] {
  return { id, links: [bookmark(request, `/flavors/${id}`)], vcpus, ram: memoryMiB, disk: diskGiB, ephemeral: ephemeralGiB, swap: swapMiB, original_name: name, extra_specs: extraSpecs };
}

function forAdministrators(server: ListedServer, devices: readonly BlockDevice[], hosts: ReadonlyMap<string, HostShown>, now: Date): Partial<ShownServer> {
  const known = hosts.get(server.hostId ?? '');
  const host = server.hostId === null ? null : (known?.hostname ?? server.hostId);
  return {
    'OS-EXT-SRV-ATTR:host': host,
    'OS-EXT-SRV-ATTR:instance_name': `instance-${server.id}`,
    'OS-EXT-SRV-ATTR:hypervisor_hostname': host,
    'OS-EXT-SRV-ATTR:reservation_id': server.reservationId,
    'OS-EXT-SRV-ATTR:launch_index': server.launchIndex,
    'OS-EXT-SRV-ATTR:kernel_id': '',
    'OS-EXT-SRV-ATTR:ramdisk_id': '',
    'OS-EXT-SRV-ATTR:hostname': server.hostname,
    'OS-EXT-SRV-ATTR:root_device_name': devices.find(({ isRoot }) => isRoot)?.device ?? `/dev/${diskPrefix(server.imageProperties)}a`,
    'OS-EXT-SRV-ATTR:user_data': server.userData,
    host_status: server.hostId === null ? '' : hostStatusOf(known, now),
  };
}

/** nova/compute/api.py, get_instance_host_status */
function hostStatusOf(host: HostShown | undefined, now: Date): 'UP' | 'DOWN' | 'UNKNOWN' | 'MAINTENANCE' {
  if (!host) return 'UNKNOWN';
  if (host.forcedDown) return 'DOWN';
  if (!host.enabled) return 'MAINTENANCE';
  return isAlive(host, now) ? 'UP' : 'UNKNOWN';
}

/** Many of a list are on one host. */
function knownHostId(server: ListedServer, known: Map<string, string>): string {
  const key = `${server.projectId} ${server.hostId}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = hostIdOf(server);
  known.set(key, made);
  return made;
}

/** The same host looks another to each project: nova/utils.py, generate_hostid */
export function hostIdOf({ hostId, projectId }: Pick<Server, 'hostId' | 'projectId'>): string {
  return hostId === null ? '' : createHash('sha224').update(projectId + hostId).digest('hex');
}

/** Details are for administrators, except where the fault was the user's. */
function faultOf({ code, message, details, created }: NonNullable<Server['fault']>, isAdmin: boolean) {
  return { code, message, created: asTime(new Date(created)), ...(isAdmin && details !== undefined ? { details } : {}) };
}

export function addressesOf(server: Pick<Server, 'vmState'>, ports: readonly ServerPortShown[]): ShownServer['addresses'] {
  if (server.vmState === 'building') return {};
  const byNetwork = new Map<string, ShownServer['addresses'][string]>();
  for (const { networkName, mac, addresses, floatingIps } of ports) {
    const list = byNetwork.get(networkName) ?? [];
    for (const { address, version } of addresses) list.push({ version, addr: address, 'OS-EXT-IPS:type': 'fixed', 'OS-EXT-IPS-MAC:mac_addr': mac });
    for (const address of floatingIps) list.push({ version: address.includes(':') ? 6 : 4, addr: address, 'OS-EXT-IPS:type': 'floating', 'OS-EXT-IPS-MAC:mac_addr': mac });
    byNetwork.set(networkName, list);
  }
  return Object.fromEntries(byNetwork);
}

/** nova/objects/fields.py, InstancePowerState */
export const powerNumbers = { running: 1, paused: 3, stopped: 4, suspended: 4 } as const;

function powerStateOf({ vmState, hostId, power }: Pick<Server, 'vmState' | 'hostId' | 'power'>): number {
  if (vmState === 'building' || hostId === null) return 0;
  return powerNumbers[power];
}
