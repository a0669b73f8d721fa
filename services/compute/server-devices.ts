/** Volumes and ports of servers that there are. */
import { badRequest, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { bindServerPort, networksForServer, portsOfServers, prepareServerPort, type ServerPort } from '../network/ports.ts';
import { beginDetaching, reserveAttachment } from '../volume/volumes.ts';
import { appendInterface, insertBlockDevice, selectBlockDevices, selectInterfaces, setBlockDeviceState, setInterfaceState, type BlockDevice } from './devices.store.ts';
import { tellDevices } from './devices.ts';
import { attachInterfaceWorkflow, attachVolumeWorkflow, detachInterfaceWorkflow, detachVolumeWorkflow } from './devices.workflow.ts';
import { startWork, usable } from './server-actions.ts';
import { changeServer } from './server-changes.ts';
import { nextDevice } from './server-disks.ts';
import { asNetworkFault } from './refusals.ts';
import { getServer, type Compute, type NetworkWish } from './servers.ts';

export type { BlockDevice } from './devices.store.ts';

export async function listServerVolumes(context: Context, id: string): Promise<BlockDevice[]> {
  await getServer(context, id);
  return selectBlockDevices(context.tx, [id]);
}

export async function getServerVolume(context: Context, id: string, volumeId: string): Promise<BlockDevice> {
  const device = (await listServerVolumes(context, id)).find((each) => each.volumeId === volumeId);
  if (!device) throw notFound(`volume_id not found: ${volumeId}`);
  return device;
}

export async function attachVolume(compute: Compute, context: Context, id: string, { volumeId, device }: { volumeId: string; device: string | null }): Promise<BlockDevice> {
  const { tx, now, requestId } = context;
  const server = await usable(context, id, 'attach_volume');
  const devices = await selectBlockDevices(tx, [id]);
  if (devices.some((each) => each.volumeId === volumeId)) throw badRequest(`Invalid volume: volume ${volumeId} already attached to instances: ${id}`);
  const taken = [...(server.rootImage === null ? [] : ['vda']), ...devices.map((each) => each.device.replace('/dev/', ''))];
  const { attachmentId } = await reserveAttachment(context, { volumeId, serverId: id });
  // The guest's kernel names its disks, so that Nova with libvirt chooses here too, whatever was asked.
  const name = device !== null && /^\/dev\/vd[a-z]$/.test(device) && !taken.includes(device.slice(5)) ? device.slice(5) : nextDevice(taken);
  const made = { serverId: id, projectId: server.projectId, volumeId, attachmentId, device: `/dev/${name}`, isRoot: false, deleteOnTermination: false, state: 'attaching' as const };
  await insertBlockDevice(tx, made, now);
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'attach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.volume_attach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'attach_volume', attachVolumeWorkflow, { volumeId });
  return made;
}

export async function detachVolume(compute: Compute, context: Context, id: string, volumeId: string): Promise<void> {
  const { tx, now, requestId } = context;
  const server = await usable(context, id, 'detach_volume');
  const device = (await selectBlockDevices(tx, [id])).find((each) => each.volumeId === volumeId);
  if (!device) throw notFound(`volume_id not found: ${volumeId}`);
  if (device.isRoot) throw new Fault(403, 'forbidden', `Cannot detach a root device volume`);
  // Asked twice: the first does it.
  if (device.state === 'detaching') throw badRequest(`Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.`);
  await beginDetaching(context, { volumeId, serverId: id });
  await setBlockDeviceState(tx, id, volumeId, 'detaching');
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'volume', id: volumeId }], { verb: 'detach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.volume_detach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'detach_volume', detachVolumeWorkflow, { volumeId });
}

export type ShownPort = ServerPort & { status: string };

export async function listServerPorts(context: Context, id: string): Promise<ShownPort[]> {
  await getServer(context, id);
  const interfaces = await selectInterfaces(context.tx, [id]);
  const ports = new Map(((await portsOfServers(context.tx, [id])).get(id) ?? []).map((port) => [port.portId, port]));
  return interfaces.flatMap(({ portId }) => ports.get(portId) ?? []);
}

export async function getServerPort(context: Context, id: string, portId: string): Promise<ShownPort> {
  const port = (await listServerPorts(context, id)).find((each) => each.portId === portId);
  if (!port) throw notFound(`No instance found with port ${portId}`);
  return port;
}

export async function attachPort(compute: Compute, context: Context, id: string, { networkId, portId, fixedIp }: NetworkWish): Promise<ShownPort> {
  const { tx, now, requestId } = context;
  if (networkId !== undefined && portId !== undefined) throw badRequest('Must not input both network_id and port_id');
  if (fixedIp !== undefined && networkId === undefined) throw badRequest('Must input network_id when request IP address');
  const server = await usable(context, id, 'attach_interface');
  const wish = portId !== undefined ? { portId } : { networkId: networkId ?? (await anyNetwork(context)) };
  const port = await prepareServerPort(context, { serverId: id, projectId: server.projectId, ...wish, fixedIp, availabilityZone: server.availabilityZone ?? 'nova' }).catch(asNetworkFault);
  await bindServerPort(context, { portId: port.portId, serverId: id, hostId: server.hostId! });
  await appendInterface(tx, { serverId: id, projectId: server.projectId, portId: port.portId, state: 'attaching' }, now);
  await tellDevices(tx, { now: () => now }, server, [{ kind: 'interface', id: port.portId }], { verb: 'attach.start', requestId });
  const changed = await changeServer(tx, { now: () => now }, server, {}, { event: 'server.interface_attach.start', requestId, intent: true });
  await startWork(compute, context, changed, 'attach_interface', attachInterfaceWorkflow, { portId: port.portId });
  return { ...port, status: 'DOWN' };
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
