import type { Random } from '../../kit/clock.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type FixedIp = { subnet_id: string; ip_address: string };
export type AddressPair = { ip_address: string; mac_address: string };

export type Port = {
  id: string;
  project_id: string;
  network_id: string;
  internal: boolean;
  name: string;
  description: string;
  admin_state_up: boolean;
  mac_address: string;
  device_id: string;
  device_owner: string;
  router_id: string | null;
  status: 'ACTIVE' | 'DOWN';
  fixed_ips: FixedIp[];
  security_groups: string[];
  port_security_enabled: boolean;
  allowed_address_pairs: AddressPair[];
  qos_policy_id: string | null;
  /** What bounds it when it has no policy of its own. */
  qos_network_policy_id: string | null;
  host_id: string;
  vnic_type: string;
  profile: Record<string, unknown>;
  /** Set only by what compute asks for. */
  server_id: string | null;
  made_for_server: boolean;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewPort = {
  id: string;
  project_id: string;
  network_id: string;
  internal?: boolean;
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  mac_address?: string;
  device_id?: string;
  device_owner?: string;
  router_id?: string | null;
  port_security_enabled: boolean;
  allowed_address_pairs?: AddressPair[];
  qos_policy_id?: string | null;
  host_id?: string;
  vnic_type?: string;
  profile?: Record<string, unknown>;
  server_id?: string;
  made_for_server?: boolean;
};

/** OpenStack's own prefix: neutron/conf/common.py, base_mac. */
const macPrefix = 'fa:16:3e';

/** What a network has for the ports of guests on it. */
export const networkPolicy = sql`(select n.qos_policy_id from network.network n where n.id = r.network_id and r.device_owner not like 'network:%')`;

const columns = sql`r.id, r.project_id, r.network_id, r.internal, r.name, r.description, r.admin_state_up, r.mac_address, r.device_id, r.device_owner, r.router_id, r.status,
  coalesce((select jsonb_agg(jsonb_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.address)) order by family(a.address), a.address)
    from network.allocation a where a.port_id = r.id), '[]') as fixed_ips,
  array(select g.security_group_id from network.port_security_group g where g.port_id = r.id order by 1) as security_groups,
  r.port_security_enabled, r.allowed_address_pairs, r.qos_policy_id, ${networkPolicy} as qos_network_policy_id, r.host_id, r.vnic_type, r.profile, r.server_id, r.made_for_server, r.tags, r.revision_number, r.created_at, r.updated_at`;

export function selectPorts(tx: Transaction, tail: Sql): Promise<Port[]> {
  return tx.rows<Port>(sql`select ${columns} from network.port r where ${tail}`);
}

export async function findPort(tx: Transaction, id: string): Promise<Port | undefined> {
  return (await selectPorts(tx, sql`r.id = ${id}`))[0];
}

/** Until the end of the transaction nobody else changes it; undefined when it is not ours to change. */
export async function lockPort(tx: Transaction, id: string): Promise<Port | undefined> {
  const found = await tx.one`select id from network.port where id = ${id} for update`;
  return found && findPort(tx, id);
}

/** False when the MAC address that was asked for is in use on the network. */
export async function insertPort(tx: Transaction, port: NewPort, { now, random }: { now: Date; random: Random }): Promise<boolean> {
  for (;;) {
    const made = await tx.run`
      insert into network.port (id, project_id, network_id, network_project_id, internal, name, description, admin_state_up, mac_address, device_id, device_owner, router_id,
        port_security_enabled, allowed_address_pairs, qos_policy_id, host_id, vnic_type, profile, server_id, made_for_server, created_at, updated_at)
      select ${port.id}, ${port.project_id}, n.id, n.project_id, ${port.internal ?? false}, ${port.name ?? ''}, ${port.description ?? ''}, ${port.admin_state_up ?? true},
        ${port.mac_address ?? drawnMac(random)}, ${port.device_id ?? ''}, ${port.device_owner ?? ''}, ${port.router_id ?? null}, ${port.port_security_enabled}, ${sql.json(port.allowed_address_pairs ?? [])}::jsonb,
        ${port.qos_policy_id ?? null}, ${port.host_id ?? ''}, ${port.vnic_type ?? 'normal'}, ${sql.json(port.profile ?? {})}::jsonb, ${port.server_id ?? null}, ${port.made_for_server ?? false}, ${now}, ${now}
      from network.network n where n.id = ${port.network_id}
      on conflict on constraint mac_address_in_network do nothing`;
    // A drawn address that is taken is drawn again: of 16 million few are.
    if (made === 1 || port.mac_address !== undefined) return made === 1;
  }
}

function drawnMac(random: Random): string {
  return [macPrefix, ...[...random.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

export async function updatePortRow(tx: Transaction, port: Port, now: Date): Promise<void> {
  await tx.run`
    update network.port set name = ${port.name}, description = ${port.description}, admin_state_up = ${port.admin_state_up}, mac_address = ${port.mac_address},
      device_id = ${port.device_id}, device_owner = ${port.device_owner}, router_id = ${port.router_id}, port_security_enabled = ${port.port_security_enabled},
      allowed_address_pairs = ${sql.json(port.allowed_address_pairs)}::jsonb, qos_policy_id = ${port.qos_policy_id}, host_id = ${port.host_id}, vnic_type = ${port.vnic_type}, profile = ${sql.json(port.profile)}::jsonb,
      server_id = ${port.server_id}, made_for_server = ${port.made_for_server}, revision_number = revision_number + 1, updated_at = ${now}
    where id = ${port.id}`;
}

export async function deletePortRows(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.run`delete from network.port where id = any(${[...ids]}::text[])`;
}

export async function isMacTaken(tx: Transaction, networkId: string, mac: string): Promise<boolean> {
  return (await tx.one`select id from network.port where network_id = ${networkId} and mac_address = ${mac}`) !== undefined;
}

/** Any free address of the subnet; undefined when there is none. */
export async function allocateAny(tx: Transaction, { networkId, subnetId, portId }: { networkId: string; subnetId: string; portId: string }, random: Random): Promise<string | undefined> {
  const chance = random.bytes(6).readUIntBE(0, 6) / 2 ** 48;
  const row = await tx.one<{ address: string | null }>`select host(network.allocate(${networkId}, ${subnetId}, ${portId}, ${chance}::float8)) as address`;
  return row?.address ?? undefined;
}

/** False when somebody has it. */
export async function allocateThis(tx: Transaction, wish: { networkId: string; subnetId: string; portId: string; address: string }): Promise<boolean> {
  const row = await tx.one<{ taken: boolean }>`select network.take(${wish.networkId}, ${wish.subnetId}, ${wish.portId}, ${wish.address}::inet) as taken`;
  return row!.taken;
}

export async function freeAddresses(tx: Transaction, portId: string, addresses: readonly string[]): Promise<void> {
  await tx.run`delete from network.allocation where port_id = ${portId} and address = any(${[...addresses]}::inet[])`;
}

/** Resolves to a group that is not there any more, if there is one; none can go after this until the transaction ends. */
export async function setSecurityGroups(tx: Transaction, portId: string, groupIds: readonly string[]): Promise<string | undefined> {
  const held = await tx.rows<{ id: string }>`select id from network.hold_groups(${[...groupIds]}) id`;
  const gone = groupIds.find((id) => !held.some((group) => group.id === id));
  if (gone !== undefined) return gone;
  await tx.run`delete from network.port_security_group where port_id = ${portId} and not security_group_id = any(${[...groupIds]}::text[])`;
  await tx.run`
    insert into network.port_security_group (port_id, security_group_id) select ${portId}, id from unnest(${[...groupIds]}::text[]) id on conflict do nothing`;
  return undefined;
}

/** Ports on the network, at most ten: of these owners, or all but the service port. */
export async function portsInUse(tx: Transaction, networkId: string, owners?: readonly string[]): Promise<string[]> {
  const which = owners ? sql`device_owner = any(${[...owners]}::text[])` : sql`device_owner <> 'network:distributed'`;
  const rows = await tx.rows<{ id: string }>(sql`select id from network.port where network_id = ${networkId} and ${which} order by id limit 10`);
  return rows.map(({ id }) => id);
}

export async function portsOnNetwork(tx: Transaction, networkId: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from network.port where network_id = ${networkId}`).map(({ id }) => id);
}

export function portsOfServer(tx: Transaction, serverId: string): Promise<Port[]> {
  return selectPorts(tx, sql`r.server_id = ${serverId} order by r.created_at, r.id`);
}

export async function setPortStatus(tx: Transaction, id: string, status: Port['status']): Promise<void> {
  await tx.run`update network.port set status = ${status} where id = ${id} and status <> ${status}`;
}

/** The network's own port from which its services answer. */
export async function findServicePort(tx: Transaction, networkId: string): Promise<Port | undefined> {
  return (await selectPorts(tx, sql`r.network_id = ${networkId} and r.device_owner = 'network:distributed'`))[0];
}

/** The first of these subnets that has a free address. */
export async function firstWithRoom(tx: Transaction, networkId: string, subnetIds: readonly string[]): Promise<string | undefined> {
  const row = await tx.one<{ id: string }>`
    select s.id from unnest(${[...subnetIds]}::text[]) with ordinality s (id, place) join network.pool p on p.subnet_id = s.id
    where network.first_free(${networkId}, p.first, p.last) is not null order by s.place limit 1`;
  return row?.id;
}

const isGuests = sql`not p.internal and p.router_id is null and p.device_owner not like 'network:%'`;

/** Ports of a network behind which somebody is who can hear announcements. */
export function guestPorts(tx: Transaction, networkId: string): Promise<{ id: string; mac: string }[]> {
  return tx.rows<{ id: string; mac: string }>`select p.id, p.mac_address as mac from network.port p where p.network_id = ${networkId} and ${isGuests} order by p.id`;
}

/** Returns the ports that had one. */
export async function freeGuestAddresses(tx: Transaction, subnetId: string): Promise<string[]> {
  const rows = await tx.rows<{ port_id: string }>`
    delete from network.allocation a using network.port p where a.subnet_id = ${subnetId} and p.id = a.port_id and ${isGuests} returning a.port_id`;
  return rows.map((row) => row.port_id);
}

/** MAC and addresses of a port, when it is one behind which somebody is. */
export function findGuest(tx: Transaction, portId: string): Promise<{ mac: string; addresses: string[] } | undefined> {
  return tx.one<{ mac: string; addresses: string[] }>`
    select p.mac_address as mac, array(select host(a.address) from network.allocation a where a.port_id = p.id) as addresses
    from network.port p where p.id = ${portId} and ${isGuests}`;
}
