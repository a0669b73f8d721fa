/** Volumes and ports of servers that there are. */
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { bindServerPort, networksForServer, portsOfServers, prepareServerPort, type ServerPort } from '../network/ports.ts';
import { beginDetaching, releaseAttachments, reserveAttachment } from '../volume/volumes.ts';
import { appendInterface, deleteBlockDevices, insertBlockDevice, selectBlockDevices, selectInterfaces, setBlockDeviceState, setDeleteOnTermination, setInterfaceState, type BlockDevice } from './devices.store.ts';
import { tellDevices } from './devices.ts';
import { attachInterfaceWorkflow, attachVolumeWorkflow, detachInterfaceWorkflow, detachVolumeWorkflow } from './devices.workflow.ts';
import { noteDone } from './actions.ts';
import { shortName } from './local-disks.ts';
import { changeable, startWork, usable } from './server-actions.ts';
import { changeServer, lockServer } from './server-changes.ts';
import { nextDevice } from './device-names.ts';
import { diskPrefix } from './hardware.ts';
import { asNetworkFault } from './refusals.ts';
import { getServer, type Compute, type NetworkWish, type Server } from './servers.ts';

export type { BlockDevice } from './devices.store.ts';

export async function listServerVolumes(context: Context, id: string): Promise<BlockDevice[]> {
  await getServer(context, id);
  return selectBlockDevices(context.tx, [id]);
}

export async function getServerVolume(context: Context, id: string, volumeId: string): Promise<BlockDevice> {
  const device = (await listServerVolumes(context, id)).find((each) => each.volumeId === volumeId);
  if (!device) throw notAttached(id, volumeId);
  return device;
}

function notAttached(id: string, volumeId: string): Fault {
  return notFound(`Instance ${id} is not attached to volume ${volumeId}`);
}

export type VolumeWish = { volumeId: string; device: string | null; tag: string | null; deleteOnTermination: boolean; single: boolean; placed: boolean };

export async function attachVolume(compute: Compute, context: Context, id: string, { volumeId, device, tag, deleteOnTermination, single, placed }: VolumeWish): Promise<BlockDevice> {
  const { tx, now, requestId, random } = context;
  const server = await usableOrShelved(context, id, 'attach_volume', placed);
  if (tag !== null && server.hostId === null) throw badRequest('Tagged volume attachment is not supported for this server instance.');
  const devices = await selectBlockDevices(tx, [id]);
  if (devices.some((each) => each.volumeId === volumeId)) throw badRequest(`Invalid volume: volume ${volumeId} already attached to instances: ${id}`);
  const prefix = diskPrefix(server.imageProperties);
  const taken = [...(server.rootImage === null ? [] : [`${prefix}a`]), ...[...server.localDisks, ...(server.resize?.localDisks ?? []), ...devices].map(shortName)];
  const { attachmentId, multiattach } = await reserveAttachment(context, { volumeId, serverId: id });
  if (multiattach && single) throw badRequest('Multiattach volumes are only supported starting with compute API version 2.60.');
  // The guest's kernel names its disks, so that Nova with libvirt chooses here too, whatever was asked.
  const name = device !== null && device.slice(0, -1) === `/dev/${prefix}` && /[a-z]$/.test(device) && prefix !== 'hd' && !taken.includes(device.slice(5)) ? device.slice(5) : nextDevice(taken, prefix);
  const made = { id: random.uuid(), tag, serverId: id, projectId: server.projectId, volumeId, attachmentId, device: `/dev/${name}`, isRoot: false, deleteOnTermination, state: server.hostId === null ? ('attached' as const) : ('attaching' as const) };
  await insertBlockDevice(tx, made, now);
  if (server.hostId === null) {
    // It is plugged in when the server gets a host again: until then it waits, reserved.
    await noteDone(context, server, 'attach_volume');
    await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'attach.end', requestId });
    return made;
  }
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'attach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.volume_attach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'attach_volume', attachVolumeWorkflow, { volumeId });
  return made;
}

async function usableOrShelved(context: Context, id: string, action: 'attach_volume' | 'detach_volume', placed: boolean): Promise<Server> {
  const server = await changeable(context, id, action);
  if (placed && (server.vmState === 'shelved' || server.vmState === 'shelved_offloaded')) throw conflict(`Cannot '${action}' instance ${id} while it is in vm_state ${server.vmState}`);
  if (server.hostId === null && server.vmState !== 'shelved_offloaded') throw conflict(`Instance ${id} is not ready`);
  return server;
}

export type AttachmentChange = { volumeId: string; deleteOnTermination: boolean | undefined; device: string | null | undefined; tag: string | undefined; serverId: string | undefined; id: string | undefined };

/** nova/api/openstack/compute/volume_attachments.py, _update_volume_regular */
export async function changeServerVolume(context: Context, id: string, volumeId: string, change: AttachmentChange): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await lockServer(tx, id);
  const device = await getServerVolume(context, id, volumeId);
  const refused = (property: string) => badRequest(`The ${property} property is not mutable`);
  if (change.id !== undefined && change.id !== volumeId) throw refused('id');
  if (change.serverId !== undefined && change.serverId !== id) throw refused('serverId');
  if (change.device !== undefined && change.device !== device.device) throw refused('device');
  if (change.tag !== undefined && change.tag !== device.tag) throw refused('tag');
  // Another volume takes the place of one that moves; nothing moves volumes here.
  if (change.volumeId !== volumeId) throw conflict(`volume ${volumeId} is not migrating; this API should only be called by Cinder`);
  if (change.deleteOnTermination === undefined) return;
  await setDeleteOnTermination(tx, device.id, change.deleteOnTermination);
  await changeServer(tx, { now: () => now }, server, {}, { requestId });
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'update', requestId });
}

export async function detachVolume(compute: Compute, context: Context, id: string, volumeId: string, placed: boolean): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await usableOrShelved(context, id, 'detach_volume', placed);
  const device = (await selectBlockDevices(tx, [id])).find((each) => each.volumeId === volumeId);
  if (!device) throw notAttached(id, volumeId);
  if (device.isRoot) throw badRequest('Cannot detach a root device volume');
  // Asked twice: the first does it.
  if (device.state === 'detaching') throw badRequest(`Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.`);
  if (server.hostId === null) {
    await releaseAttachments(context, { serverId: id, volumeIds: [volumeId] });
    await deleteBlockDevices(tx, id, volumeId);
    await noteDone(context, server, 'detach_volume');
    return tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'detach.end', requestId });
  }
  await beginDetaching(context, { volumeId, serverId: id });
  await setBlockDeviceState(tx, id, volumeId, 'detaching');
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'detach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.volume_detach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'detach_volume', detachVolumeWorkflow, { volumeId });
}

export type ShownPort = ServerPort & { status: string; tag: string | null };

export async function listServerPorts(context: Context, id: string): Promise<ShownPort[]> {
  await getServer(context, id);
  const interfaces = await selectInterfaces(context.tx, [id]);
  const ports = new Map(((await portsOfServers(context.tx, [id])).get(id) ?? []).map((port) => [port.portId, port]));
  return interfaces.flatMap(({ portId, tag }) => {
    const port = ports.get(portId);
    return port ? [{ ...port, tag }] : [];
  });
}

export async function getServerPort(context: Context, id: string, portId: string): Promise<ShownPort> {
  const port = (await listServerPorts(context, id)).find((each) => each.portId === portId);
  if (!port) throw notFound(`No instance found with port ${portId}`);
  return port;
}

export async function attachPort(compute: Compute, context: Context, id: string, { networkId, portId, fixedIp, tag = null }: Omit<NetworkWish, 'tag'> & { tag?: string | null }): Promise<ShownPort> {
  const { tx, now, requestId } = context;
  if (networkId !== undefined && portId !== undefined) throw badRequest('Must not input both network_id and port_id');
  if (fixedIp !== undefined && networkId === undefined) throw badRequest('Must input network_id when request IP address');
  const server = await usable(context, id, 'attach_interface');
  const wish = portId !== undefined ? { portId } : { networkId: networkId ?? (await anyNetwork(context)) };
  const port = await prepareServerPort(context, { serverId: id, projectId: server.projectId, ...wish, fixedIp, availabilityZone: server.availabilityZone ?? 'nova', hostname: server.hostname }).catch(asNetworkFault);
  await bindServerPort(context, { portId: port.portId, serverId: id, hostId: server.hostId! });
  await appendInterface(tx, { serverId: id, projectId: server.projectId, portId: port.portId, tag, state: 'attaching' }, now);
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'interface', id: port.portId }], { verb: 'attach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.interface_attach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'attach_interface', attachInterfaceWorkflow, { portId: port.portId });
  return { ...port, status: 'DOWN', tag };
}

/** nova/network/neutron.py, allocate_for_instance: the only one that there is. */
async function anyNetwork(context: Context): Promise<string> {
  const networks = await networksForServer(context);
  if (networks.length > 1) throw new Fault(409, 'conflictingRequest', 'Multiple possible networks found, use a Network ID to be more specific.');
  const [network] = networks;
  if (!network) throw badRequest('No network could be found.');
  return network.id;
}

export async function detachPort(compute: Compute, context: Context, id: string, portId: string): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await usable(context, id, 'detach_interface');
  const found = (await selectInterfaces(tx, [id])).find((each) => each.portId === portId);
  if (!found) throw notFound(`Port ${portId} is not attached`);
  if (found.state === 'detaching') return;
  await setInterfaceState(tx, id, portId, 'detaching');
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'interface', id: portId }], { verb: 'detach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.interface_detach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'detach_interface', detachInterfaceWorkflow, { portId });
}
