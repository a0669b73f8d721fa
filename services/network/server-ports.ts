/** What servers need of the network: their ports, from preparation to release. */
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { mark, type Change } from './changes.ts';
import { getNetwork, type Network } from './networks.ts';
import { selectNetworks } from './networks.store.ts';
import { createPort, dropPorts, guard, isManaged, lockedPort, portNotThere } from './ports.ts';
import { lockPort, portsOfServer, setPortStatus, updatePortRow, type Port } from './ports.store.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { resolveGroups, type SecurityGroup } from './security-groups.ts';
import { groupsOfServer, portsOfServers, type ServerPort } from './server-ports.store.ts';
import { moveSubports, trunkOf } from './trunks.store.ts';

export { portsOfServers, shownPortsOfServers, type ServerPort, type ServerPortShown, type ServerPortState } from './server-ports.store.ts';

/** Networks that a new server of the caller's project may use when it names none. */
export function networksForServer({ tx, caller }: Pick<Context, 'tx' | 'caller'>): Promise<Network[]> {
  return selectNetworks(tx, sql`(r.project_id = ${caller.projectId ?? ''} and r.external_to = '{}' or ${sharedWithReader(sql`r.shared_with`)}) order by r.created_at, r.id`);
}

/** Makes a port for the server, or takes the one that is given; faults are Neutron's. */
export async function prepareServerPort(context: Context, wish: ServerPortWish): Promise<ServerPort> {
  const portId = await takeServerPort(context, wish);
  const ports = (await portsOfServers(context.tx, [wish.serverId])).get(wish.serverId) ?? [];
  return ports.find((each) => each.portId === portId)!;
}

export type ServerPortWish = { serverId: string; projectId: string; networkId?: string; portId?: string; fixedIp?: string; securityGroups?: readonly string[]; availabilityZone: string; /** By which the network's DNS knows the port. */ hostname?: string; /** The caller claims the network's quota for it. */ countedLater?: boolean };

/** As `prepareServerPort`, for who needs only its id. */
export async function takeServerPort(context: Context, wish: ServerPortWish): Promise<string> {
  const { tx, now } = context;
  const deviceOwner = `compute:${wish.availabilityZone}`;
  if (wish.portId === undefined) {
    if (wish.networkId === undefined) throw new Error('A server port needs a network or a port');
    const [groups, network] = await Promise.all([
      wish.securityGroups === undefined ? undefined : resolveGroups(context, wish.projectId, wish.securityGroups),
      wish.securityGroups === undefined ? undefined : getNetwork(context, wish.networkId),
    ]);
    const port = await createPort(
      context,
      {
        network_id: wish.networkId,
        project_id: wish.projectId,
        device_id: wish.serverId,
        device_owner: deviceOwner,
        ...(wish.hostname === undefined ? {} : { dns_name: label(wish.hostname) }),
        ...(wish.fixedIp === undefined ? {} : { fixed_ips: [{ ip_address: wish.fixedIp }] }),
        ...(groups === undefined || !network?.port_security_enabled ? {} : { security_groups: groups }),
      },
      { serverId: wish.serverId, counted: wish.countedLater === true ? 'by the caller' : 'now' },
    );
    return port.id;
  }
  const port = await lockedPort(context, wish.portId);
  if (port.project_id !== wish.projectId && !context.caller.isAdmin) portNotThere(wish.portId);
  if (isManaged(port) || (port.device_id !== '' && port.device_id !== wish.serverId)) throw conflict(`Port ${port.id} is still in use.`, 'PortInUse');
  // It goes through another port, and has no plug.
  if ((await trunkOf(tx, port.id))?.sub != null) throw conflict(`Port ${port.id} is still in use.`, 'PortInUse');
  await updatePortRow(tx, { ...port, device_id: wish.serverId, device_owner: deviceOwner, server_id: wish.serverId, dns_name: port.dns_name || label(wish.hostname ?? '') }, now);
  await mark(tx, now, 'port', [port.id]);
  return port.id;
}

/** The domain of a whole name is the guest's own: the network answers for its first label, in the network's domains. */
function label(hostname: string): string {
  return hostname.split('.')[0] ?? '';
}

/** The server runs there: the port is plugged in when the engine says so. */
export async function bindServerPort({ tx, now }: Change, { portId, serverId, hostId }: { portId: string; serverId: string; hostId: string }): Promise<void> {
  const port = await lockPort(tx, portId);
  if (!port || port.server_id !== serverId) portNotThere(portId);
  if (port.host_id === hostId) return;
  await updatePortRow(tx, { ...port, host_id: hostId }, now);
  await mark(tx, now, 'port', [portId, ...(port.trunk_details ? await moveSubports(tx, portId, hostId) : [])]);
}

/** Deletes the ports that were made for the server and lets go of the others; all of the server's without `portIds`. Again does nothing. */
export async function releaseServerPorts(change: Change, { serverId, portIds }: { serverId: string; portIds?: readonly string[] }): Promise<void> {
  const { tx, now } = change;
  const found = (await portsOfServer(tx, serverId)).filter((port) => portIds?.includes(port.id) ?? true);
  const held: Port[] = [];
  for (const { id } of found.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const port = await lockPort(tx, id);
    if (port && port.server_id === serverId) held.push(port);
  }
  // What became a trunk is not the server's alone any more.
  const goes = (port: Port) => port.made_for_server && port.trunk_details === null;
  await dropPorts(change, held.filter(goes));
  for (const port of held.filter((each) => !goes(each))) {
    await updatePortRow(tx, { ...port, device_id: '', device_owner: '', host_id: '', server_id: null, dns_name: '' }, now);
    await setPortStatus(tx, port.id, 'DOWN');
    await mark(tx, now, 'port', [port.id, ...(port.trunk_details ? await moveSubports(tx, port.id, '') : [])]);
  }
}

export function securityGroupsOfServer({ tx }: Pick<Context, 'tx'>, serverId: string): Promise<SecurityGroup[]> {
  return groupsOfServer(tx, serverId);
}

export async function addServerSecurityGroup(context: Context, serverId: string, groupNameOrId: string): Promise<void> {
  await changeServerGroups(context, serverId, groupNameOrId, (before, group) => (before.includes(group) ? before : [...before, group]));
}

export async function removeServerSecurityGroup(context: Context, serverId: string, groupNameOrId: string): Promise<void> {
  const changed = await changeServerGroups(context, serverId, groupNameOrId, (before, group) => before.filter((id) => id !== group));
  // nova/network/neutron.py, remove_from_instance.
  if (changed === 0) throw notFound(`Security group ${groupNameOrId} not associated with the instance ${serverId}`, 'SecurityGroupNotFound');
}

/** The number of ports that it changed. */
async function changeServerGroups(context: Context, serverId: string, groupNameOrId: string, change: (before: string[], group: string) => string[]): Promise<number> {
  const { tx, now } = context;
  const ports = (await portsOfServer(tx, serverId)).filter((port) => port.port_security_enabled);
  const projectId = ports[0]?.project_id ?? context.caller.projectId ?? '';
  const group = (await resolveGroups(context, projectId, [groupNameOrId]))[0]!;
  const changed: string[] = [];
  for (const port of ports) {
    const after = change(port.security_groups, group);
    if (after.length === port.security_groups.length) continue;
    await guard(context, port.id, after);
    changed.push(port.id);
  }
  await mark(tx, now, 'port', changed);
  return changed.length;
}
