/** What servers need of the network: their ports, from preparation to release. */
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { mark, type Change } from './changes.ts';
import type { Network } from './networks.ts';
import { selectNetworks } from './networks.store.ts';
import { createPort, dropPorts, isManaged, lockedPort, portNotThere } from './ports.ts';
import { lockPort, portsOfDevices, setSecurityGroups, updatePortRow, type Port } from './ports.store.ts';
import { resolveGroups, type SecurityGroup } from './security-groups.ts';
import { selectSecurityGroups } from './security-groups.store.ts';

export type ServerPort = {
  portId: string;
  networkId: string;
  networkName: string;
  mac: string;
  mtu: number;
  addresses: { address: string; version: 4 | 6; subnetId: string; cidr: string; gateway: string | null; dnsServers: string[] }[];
  madeForServer: boolean;
};

export type ServerPortState = ServerPort & { status: 'ACTIVE' | 'DOWN'; floatingIps: string[]; securityGroups: { id: string; name: string }[] };

/** Networks that a new server of the caller's project may use when it names none. */
export function networksForServer({ tx, caller }: Pick<Context, 'tx' | 'caller'>): Promise<Network[]> {
  return selectNetworks(tx, sql`(r.project_id = ${caller.projectId ?? ''} and not (r.external and not r.shared) or r.shared) order by r.created_at, r.id`);
}

/** Makes a port for the server, or takes the one that is given; faults are Neutron's. */
export async function prepareServerPort(
  context: Context,
  wish: { serverId: string; projectId: string; networkId?: string; portId?: string; fixedIp?: string; securityGroups?: readonly string[]; availabilityZone: string },
): Promise<ServerPort> {
  const { tx, now } = context;
  const deviceOwner = `compute:${wish.availabilityZone}`;
  let portId: string;
  if (wish.portId === undefined) {
    if (wish.networkId === undefined) throw new Error('A server port needs a network or a port');
    const groups = wish.securityGroups === undefined ? undefined : await resolveGroups(context, wish.projectId, wish.securityGroups);
    const port = await createPort(
      context,
      {
        network_id: wish.networkId,
        project_id: wish.projectId,
        device_id: wish.serverId,
        device_owner: deviceOwner,
        ...(wish.fixedIp === undefined ? {} : { fixed_ips: [{ ip_address: wish.fixedIp }] }),
        ...(groups === undefined || !(await isSecured(tx, wish.networkId)) ? {} : { security_groups: groups }),
      },
      { forServer: true },
    );
    portId = port.id;
  } else {
    const port = await lockedPort(context, wish.portId);
    if (port.project_id !== wish.projectId && !context.caller.isAdmin) portNotThere(wish.portId);
    if (isManaged(port) || (port.device_id !== '' && port.device_id !== wish.serverId)) throw conflict(`Port ${port.id} is still in use.`, 'PortInUse');
    await updatePortRow(tx, { ...port, device_id: wish.serverId, device_owner: deviceOwner }, now);
    await mark(tx, now, 'port', [port.id]);
    portId = port.id;
  }
  const ports = (await portsOfServers(tx, [wish.serverId])).get(wish.serverId) ?? [];
  return ports.find((each) => each.portId === portId)!;
}

/** The server runs there: the port is plugged in when the engine says so. */
export async function bindServerPort(tx: Transaction, { portId, serverId, hostId }: { portId: string; serverId: string; hostId: string }): Promise<void> {
  const now = await momentOf(tx);
  const port = await lockPort(tx, portId);
  if (!port || port.device_id !== serverId) portNotThere(portId);
  if (port.host_id === hostId) return;
  await updatePortRow(tx, { ...port, host_id: hostId }, now);
  await mark(tx, now, 'port', [portId]);
}

/** Deletes the ports that were made for the server and lets go of the others; all of the server's without `portIds`. Again does nothing. */
export async function releaseServerPorts(tx: Transaction, { serverId, portIds }: { serverId: string; portIds?: readonly string[] }): Promise<void> {
  const change: Change = { tx, now: await momentOf(tx) };
  const found = (await portsOfDevices(tx, [serverId])).filter((port) => !isManaged(port) && (portIds?.includes(port.id) ?? true));
  const held: Port[] = [];
  for (const { id } of found.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    const port = await lockPort(tx, id);
    if (port && port.device_id === serverId) held.push(port);
  }
  await dropPorts(change, held.filter((port) => port.made_for_server));
  for (const port of held.filter((each) => !each.made_for_server)) {
    await updatePortRow(tx, { ...port, device_id: '', device_owner: '', host_id: '' }, change.now);
    await tx.run`update network.port set status = 'DOWN' where id = ${port.id}`;
    await mark(tx, change.now, 'port', [port.id]);
  }
}

/** The ports of each server in the order in which its guest sees them. */
export async function portsOfServers(tx: Transaction, serverIds: readonly string[]): Promise<Map<string, ServerPortState[]>> {
  const rows = await tx.rows<ServerPortState & { serverId: string }>`
    select p.device_id as "serverId", p.id as "portId", p.network_id as "networkId", n.name as "networkName", p.mac_address as mac, n.mtu, p.made_for_server as "madeForServer", p.status,
      coalesce((select jsonb_agg(jsonb_build_object('address', host(a.address), 'version', family(a.address), 'subnetId', s.id, 'cidr', s.cidr::text, 'gateway', host(s.gateway_ip),
          'dnsServers', to_jsonb(s.dns_nameservers)) order by family(a.address), a.address)
        from network.allocation a join network.subnet s on s.id = a.subnet_id where a.port_id = p.id), '[]') as addresses,
      array(select host(f.floating_ip_address) from network.floating_ip f where f.port_id = p.id order by f.floating_ip_address) as "floatingIps",
      coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name) order by g.name, g.id)
        from network.port_security_group m join network.security_group g on g.id = m.security_group_id where m.port_id = p.id), '[]') as "securityGroups"
    from network.port p join network.network n on n.id = p.network_id
    where p.device_id = any(${[...serverIds]}::text[]) and p.device_owner like 'compute:%' order by p.created_at, p.id`;
  const found = new Map<string, ServerPortState[]>(serverIds.map((id) => [id, []]));
  for (const { serverId, ...port } of rows) found.get(serverId)?.push(port);
  return found;
}

export async function securityGroupsOfServer({ tx }: Pick<Context, 'tx'>, serverId: string): Promise<SecurityGroup[]> {
  return selectSecurityGroups(
    tx,
    sql`r.id in (select m.security_group_id from network.port_security_group m join network.port p on p.id = m.port_id where p.device_id = ${serverId} and p.device_owner like 'compute:%')
      order by r.name, r.id`,
  );
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
  const ports = (await portsOfDevices(tx, [serverId])).filter((port) => !isManaged(port) && port.port_security_enabled);
  const projectId = ports[0]?.project_id ?? context.caller.projectId ?? '';
  const group = (await resolveGroups(context, projectId, [groupNameOrId]))[0]!;
  const changed: string[] = [];
  for (const port of ports) {
    const after = change(port.security_groups, group);
    if (after.length === port.security_groups.length) continue;
    await setSecurityGroups(tx, port.id, after);
    changed.push(port.id);
  }
  await mark(tx, now, 'port', changed);
  return changed.length;
}

async function isSecured(tx: Transaction, networkId: string): Promise<boolean> {
  return (await tx.one<{ secured: boolean }>`select port_security_enabled as secured from network.network where id = ${networkId}`)?.secured ?? true;
}

/** Workflows say no moment of their own: the database's, at which their transaction began. */
async function momentOf(tx: Transaction): Promise<Date> {
  return (await tx.one<{ now: Date }>`select now() as now`)!.now;
}
