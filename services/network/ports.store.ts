import type { Random } from '../../kit/clock.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { DhcpOption } from './dhcp-options.ts';

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
  /** As somebody who watches the data plane says. */
  data_plane_status: 'ACTIVE' | 'DOWN' | null;
  fixed_ips: FixedIp[];
  security_groups: string[];
  port_security_enabled: boolean;
  allowed_address_pairs: AddressPair[];
  extra_dhcp_opts: DhcpOption[];
  dns_name: string;
  dns_domain: string;
  qos_policy_id: string | null;
  /** What bounds it when it has no policy of its own. */
  qos_network_policy_id: string | null;
  /** Of the trunk that it is. */
  trunk_details: { trunk_id: string; sub_ports: { port_id: string; segmentation_type: string; segmentation_id: number; mac_address: string }[] } | null;
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
  /** Of a way out among those of its router. */
  gateway_place?: number;
  port_security_enabled: boolean;
  allowed_address_pairs?: AddressPair[];
  extra_dhcp_opts?: DhcpOption[];
  tags?: string[];
  dns_name?: string;
  dns_domain?: string;
  qos_policy_id?: string | null;
  host_id?: string;
  vnic_type?: string;
  profile?: Record<string, unknown>;
  server_id?: string;
  made_for_server?: boolean;
};

export type AddressedPort = NewPort & { mac_address: string };

/** OpenStack's own prefix: neutron/conf/common.py, base_mac. */
const macPrefix = 'fa:16:3e';

/** What a network has for the ports of guests on it. */
export const networkPolicy = sql`(select n.qos_policy_id from network.network n where n.id = r.network_id and r.device_owner not like 'network:%')`;

const columns = sql`r.id, r.project_id, r.network_id, r.internal, r.name, r.description, r.admin_state_up, r.mac_address, r.device_id, r.device_owner, r.router_id, r.status, r.data_plane_status,
  coalesce((select jsonb_agg(jsonb_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.address)) order by family(a.address), a.address)
    from network.allocation a where a.port_id = r.id), '[]') as fixed_ips,
  array(select g.security_group_id from network.port_security_group g where g.port_id = r.id order by 1) as security_groups,
  r.port_security_enabled, r.allowed_address_pairs, r.extra_dhcp_opts, r.dns_name, r.dns_domain, r.qos_policy_id, ${networkPolicy} as qos_network_policy_id,
  (select jsonb_build_object('trunk_id', t.id, 'sub_ports', coalesce((
      select jsonb_agg(jsonb_build_object('port_id', s.port_id, 'segmentation_type', s.segmentation_type, 'segmentation_id', s.segmentation_id, 'mac_address', p.mac_address) order by s.segmentation_id)
      from network.subport s join network.port p on p.id = s.port_id where s.trunk_id = t.id), '[]')) from network.trunk t where t.port_id = r.id) as trunk_details,
  r.host_id, r.vnic_type, r.profile, r.server_id, r.made_for_server, r.tags, r.revision_number, r.created_at, r.updated_at`;

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
  // A drawn address that is taken is drawn again: of 16 million few are.
  for (;;) {
    if ((await insertPorts(tx, [{ ...port, mac_address: port.mac_address ?? drawnMac(random) }], now)).size > 0) return true;
    if (port.mac_address !== undefined) return false;
  }
}

/** Those that were made: the others' MAC address is in use on their network. */
export async function insertPorts(tx: Transaction, ports: readonly AddressedPort[], now: Date): Promise<Set<string>> {
  const made = await tx.rows<{ id: string }>`
    insert into network.port (id, project_id, network_id, network_project_id, internal, name, description, admin_state_up, mac_address, device_id, device_owner, router_id, gateway_place,
      port_security_enabled, allowed_address_pairs, extra_dhcp_opts, tags, dns_name, dns_domain, qos_policy_id, host_id, vnic_type, profile, server_id, made_for_server, created_at, updated_at)
    select r.id, r.project_id, n.id, n.project_id, r.internal, r.name, r.description, r.admin_state_up, r.mac_address, r.device_id, r.device_owner, r.router_id, coalesce(r.gateway_place, 0),
      r.port_security_enabled, r.allowed_address_pairs, r.extra_dhcp_opts, array(select jsonb_array_elements_text(r.tags)), r.dns_name, r.dns_domain, r.qos_policy_id, r.host_id, r.vnic_type, r.profile, r.server_id, r.made_for_server, ${now}, ${now}
    from jsonb_to_recordset(${sql.json(ports.map((port) => ({ ...newPort, ...port })))}) as r (id text, project_id text, network_id text, internal boolean, name text, description text, admin_state_up boolean, mac_address text, device_id text,
      device_owner text, router_id text, gateway_place integer, port_security_enabled boolean, allowed_address_pairs jsonb, extra_dhcp_opts jsonb, tags jsonb, dns_name text, dns_domain text, qos_policy_id text, host_id text, vnic_type text, profile jsonb, server_id text, made_for_server boolean)
    join network.network n on n.id = r.network_id
    on conflict on constraint mac_address_in_network do nothing returning id`;
  return new Set(made.map(({ id }) => id));
}

/** As it is read once it is there, with the addresses that it got. */
export function portAsMade(port: AddressedPort, { fixedIps, groupIds, networkPolicyId, now }: { fixedIps: readonly FixedIp[]; groupIds: readonly string[]; networkPolicyId: string | null; now: Date }): Port {
  const isGuests = !(port.device_owner ?? '').startsWith('network:');
  return {
    ...newPort, ...port, status: 'DOWN', fixed_ips: [...fixedIps], security_groups: groupIds.toSorted(), qos_network_policy_id: isGuests ? networkPolicyId : null, trunk_details: null, revision_number: 0, created_at: now, updated_at: now,
  };
}

const newPort = {
  internal: false, name: '', description: '', admin_state_up: true, device_id: '', device_owner: '', router_id: null, allowed_address_pairs: [], extra_dhcp_opts: [], tags: [], dns_name: '', dns_domain: '', qos_policy_id: null, host_id: '', data_plane_status: null,
  vnic_type: 'normal', profile: {}, server_id: null, made_for_server: false,
};

/** One that nobody has on the network now. */
export async function freeMac(tx: Transaction, networkId: string, random: Random): Promise<string> {
  for (;;) {
    const mac = drawnMac(random);
    if (!(await isMacTaken(tx, networkId, mac))) return mac;
  }
}

export function drawnMac(random: Random): string {
  return [macPrefix, ...[...random.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
}

export async function updatePortRow(tx: Transaction, port: Port, now: Date): Promise<void> {
  await tx.run`
    update network.port set name = ${port.name}, description = ${port.description}, admin_state_up = ${port.admin_state_up}, mac_address = ${port.mac_address},
      device_id = ${port.device_id}, device_owner = ${port.device_owner}, router_id = ${port.router_id}, port_security_enabled = ${port.port_security_enabled},
      allowed_address_pairs = ${sql.json(port.allowed_address_pairs)}::jsonb, extra_dhcp_opts = ${sql.json(port.extra_dhcp_opts)}::jsonb, dns_name = ${port.dns_name}, dns_domain = ${port.dns_domain}, qos_policy_id = ${port.qos_policy_id}, host_id = ${port.host_id}, vnic_type = ${port.vnic_type}, profile = ${sql.json(port.profile)}::jsonb,
      data_plane_status = ${port.data_plane_status}, server_id = ${port.server_id}, made_for_server = ${port.made_for_server}, revision_number = revision_number + 1, updated_at = ${now}
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
  return (await allocateMany(tx, { networkId, subnetId, portIds: [portId] }, random)).get(portId);
}

/** A free address of the subnet for each, as far as there are any. */
export async function allocateMany(tx: Transaction, { networkId, subnetId, portIds }: { networkId: string; subnetId: string; portIds: readonly string[] }, random: Random): Promise<Map<string, string>> {
  const chances = portIds.map(() => random.bytes(6).readUIntBE(0, 6) / 2 ** 48);
  const rows = await tx.rows<{ id: string; address: string | null }>`
    select p.id, host(network.allocate(${networkId}, ${subnetId}, p.id, p.chance)) as address from unnest(${[...portIds]}::text[], ${chances}::float8[]) p (id, chance)`;
  return new Map(rows.flatMap(({ id, address }) => (address === null ? [] : [[id, address]])));
}

/** These addresses for these ports: what was taken, which is nothing where the port is not there or somebody has the address. The subnet's own project is quickest. */
export function allocateDrawn(tx: Transaction, { networkId, subnetId }: { networkId: string; subnetId: string }, drawn: readonly { portId: string; address: string }[]): Promise<{ portId: string; address: string }[]> {
  return tx.rows`
    with held as (select id from network.subnet where id = ${subnetId} for key share)
    insert into network.allocation (network_id, address, subnet_id, port_id)
    select ${networkId}, d.address, held.id, p.id from held, unnest((select ${drawn.map(({ portId }) => portId)}::text[]), (select ${drawn.map(({ address }) => address)}::inet[])) d (port_id, address), ${portThere(sql`d.port_id`)}
    on conflict do nothing returning port_id as "portId", host(address) as address`;
}

/**
 * Looked up one by one: a join would read the whole table, as the planner cannot know how few they are. Lists are handed in by
 * a select of their own, since for one whose length it sees it plans anew each time.
 */
const portThere = (id: Sql) => sql`lateral (select id from network.port where id = ${id} offset 0) p`;

/** False when somebody has it. */
export async function allocateThis(tx: Transaction, wish: { networkId: string; subnetId: string; portId: string; address: string }): Promise<boolean> {
  const row = await tx.one<{ taken: boolean }>`select network.take(${wish.networkId}, ${wish.subnetId}, ${wish.portId}, ${wish.address}::inet) as taken`;
  return row!.taken;
}

export async function freeAddresses(tx: Transaction, portId: string, addresses: readonly string[]): Promise<void> {
  await tx.run`delete from network.allocation where port_id = ${portId} and address = any(${[...addresses]}::inet[])`;
}

/** Puts new ports in these groups, those that are there; resolves to a group that is not there any more, if there is one. */
export async function addToSecurityGroups(tx: Transaction, ports: readonly { id: string; groupIds: readonly string[] }[]): Promise<string | undefined> {
  const groupIds = [...new Set(ports.flatMap((port) => port.groupIds))];
  if (groupIds.length === 0) return undefined;
  const pairs = ports.flatMap((port) => port.groupIds.map((group) => [port.id, group] as const));
  const held = await tx.rows<{ id: string }>`
    with held as materialized (select id from network.hold_groups(${groupIds}) id),
    added as (
      insert into network.port_security_group (port_id, security_group_id)
      select p.id, held.id from unnest((select ${pairs.map(([port]) => port)}::text[]), (select ${pairs.map(([, group]) => group)}::text[])) wanted (port_id, group_id)
      join held on held.id = wanted.group_id, ${portThere(sql`wanted.port_id`)})
    select id from held`;
  return groupIds.find((id) => !held.some((group) => group.id === id));
}

/** Work on what is another project's, when the caller was found to have the right to: docs/decisions/0002. */
export async function beyondScope<T>(tx: Transaction, work: () => Promise<T>): Promise<T> {
  const own = await tx.one<{ scope: string }>`select current_setting('intercloud.project') as scope`;
  await tx.run`select set_config('intercloud.project', '*', true)`;
  const done = await work();
  await tx.run`select set_config('intercloud.project', ${own!.scope}, true)`;
  return done;
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

/** Of whatever project. */
export async function namedPorts(tx: Transaction, networkId: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from network.named_ports(${networkId}) id`).map(({ id }) => id);
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
