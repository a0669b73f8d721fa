import { badRequest, conflict, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { formatAddress, formatBlock, parseAddress, parseBlock } from './addresses.ts';
import { mark, tell, type Change } from './changes.ts';
import { changedOptions, type DhcpOption, type DhcpOptionWish } from './dhcp-options.ts';
import { domainName, portName } from './dns-names.ts';
import { askedByName, changeAddresses, inOrder, renewAutomatic, takeAddresses, takeDrawn, takeMissing, type FixedIpWish, type Taken } from './fixed-ips.ts';
import { freeFloatingIpsOfPort } from './floating-ips.store.ts';
import { byBoolean, byText, byTextOrNothing, standardFilters, standardSorts, tagFilters, type Filter, type Listing } from './listing.ts';
import { leaveLocalIps } from './local-ips.ts';
import { isLocalPort } from './local-ips.store.ts';
import { dropLogsOn, markLoggedOn } from './logs.ts';
import { getNetwork, networkNotThere, type Network } from './networks.ts';
import { findGroundOfPorts, type GroundOfPorts } from './networks.store.ts';
import { dropProxiesTo } from './ndp-proxies.ts';
import { demandAdmin, notAllowed, ownerOf } from './owners.ts';
import {
  addToSecurityGroups, beyondScope, deletePortRows, drawnMac, findPort, freeMac, insertPorts, isMacTaken, lockPort, portAsMade, setSecurityGroups, updatePortRow, type AddressedPort, type AddressPair, type NewPort, type Port,
} from './ports.store.ts';
import { dropForwardingsTo } from './port-forwardings.ts';
import { demandRemovable, usablePolicy } from './qos-policies.ts';
import { claim, claimLast, release } from './quotas.ts';
import { ensureDefaultGroup, groupNotThere } from './security-groups.ts';
import { findDefaultGroup, kindsOfGroups, seenGroups } from './security-groups.store.ts';
import { newsOfPorts } from './server-news.ts';
import { renewServicePort } from './service-ports.ts';
import { canonicalAddress } from './subnets.ts';
import { subnetsOfNetwork, type Subnet } from './subnets.store.ts';
import { moveSubports, trunkOf } from './trunks.store.ts';

export type { Port } from './ports.store.ts';
export {
  addServerSecurityGroup, bindServerPort, networksForServer, portsOfServers, prepareServerPort, releaseServerPorts, removeServerSecurityGroup, securityGroupsOfServer, takeServerPort,
  type ServerPort, type ServerPortState,
} from './server-ports.ts';
export { projectNow } from './projection.ts';

export type PortWish = {
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  mac_address?: string | null;
  fixed_ips?: FixedIpWish[];
  device_id?: string;
  device_owner?: string;
  security_groups?: string[] | null;
  port_security_enabled?: boolean;
  allowed_address_pairs?: { ip_address: string; mac_address?: string }[] | null;
  'binding:vnic_type'?: 'normal';
  extra_dhcp_opts?: DhcpOptionWish[] | null;
  dns_name?: string;
  dns_domain?: string;
  qos_policy_id?: string | null;
  'binding:host_id'?: string | null;
  'binding:profile'?: Record<string, unknown> | null;
};

export type PortChange = PortWish & { data_plane_status?: Port['data_plane_status'] };

export type NewPortWish = PortWish & { project_id?: string; tenant_id?: string; network_id: string; tags?: string[] };

const shownProject = sql`(case when r.internal then '' else r.project_id end)`;

export const portListing: Listing = {
  collection: 'ports',
  withoutMarker: portNotThere,
  table: sql`network.port`,
  adminOnly: ['binding:host_id'],
  filters: {
    ...standardFilters(shownProject),
    ...tagFilters,
    name: byText(sql`r.name`),
    network_id: byText(sql`r.network_id`),
    admin_state_up: byBoolean(sql`r.admin_state_up`),
    status: byText(sql`r.status`),
    mac_address: (values) => byText(sql`r.mac_address`)(values.map((value) => value.toLowerCase())),
    device_id: byText(sql`r.device_id`),
    device_owner: ownersLike,
    fixed_ips: byFixedIps,
    security_groups: (values) => sql`exists (select from network.port_security_group g where g.port_id = r.id and g.security_group_id = any(${values}::text[]))`,
    port_security_enabled: byBoolean(sql`r.port_security_enabled`),
    qos_policy_id: byTextOrNothing(sql`r.qos_policy_id`),
    'binding:host_id': byText(sql`r.host_id`),
    'binding:vnic_type': byText(sql`r.vnic_type`),
  },
  sorts: {
    ...standardSorts, name: sql`r.name`, network_id: sql`r.network_id`, admin_state_up: sql`r.admin_state_up`, status: sql`r.status`, mac_address: sql`r.mac_address`,
    device_id: sql`r.device_id`, device_owner: sql`r.device_owner`,
  },
};

/** The cloud's own ports are for administrators. */
export const visiblePorts = ({ caller }: Pick<Context, 'caller'>) => (caller.isAdmin ? sql`true` : sql`not r.internal`);

export async function getPort({ tx, caller }: Pick<Context, 'tx' | 'caller'>, id: string): Promise<Port> {
  const port = await findPort(tx, id);
  return port && (caller.isAdmin || !port.internal) ? port : portNotThere(id);
}

/** When their quota is claimed: now, together with the COMMIT, or by the caller, when it has nothing else to do. */
type NewPortOptions = { serverId?: string; counted?: 'now' | 'at the commit' | 'by the caller' };

export async function createPort(context: Context, wish: NewPortWish, options: NewPortOptions = {}): Promise<Port> {
  return (await createPorts(context, [wish], options))[0]!;
}

/** All of them or none; what they have in common is asked once, so that many cost little more than one. */
export async function createPorts(context: Context, wishes: readonly NewPortWish[], { serverId, counted = 'now' }: NewPortOptions = {}): Promise<Port[]> {
  const { tx, now } = context;
  const surroundings = await surroundingsOf(context, wishes);
  const once = remembering();
  const plans: PlannedPort[] = [];
  for (const wish of wishes) plans.push(await planned(context, wish, surroundings, once, serverId));
  const { rows, taken } = await placePorts(context, plans, surroundings);
  await addressPorts(context, plans, rows, surroundings, taken);

  const ports = plans.map(({ row: { id }, network, groups }) => portAsMade(rows.get(id)!, { fixedIps: inOrder(taken.get(id)!), groupIds: groups, networkPolicyId: network.qos_policy_id, now }));
  await Promise.all(ports.map((port) => tell(context, 'port', 'create', port, { network_id: port.network_id, device_id: port.device_id })));
  // The quota last: all who make ports in this project queue for it until the commit.
  if (counted !== 'by the caller') await count(tx, plans, counted);
  return ports;
}

export async function updatePort(context: Context, id: string, wish: PortChange): Promise<Port> {
  const { tx, now } = context;
  const before = await lockedPort(context, id);
  const network = await getNetwork(context, before.network_id);
  demandRights(context, 'update_port', network, changesOf(before, wish));
  if (isManaged(before) && !Object.keys(changesOf(before, wish)).every((name) => name === 'name' || name === 'description' || (name === 'fixed_ips' && staysOnSubnets(before, wish.fixed_ips ?? []))))
    throw badRequest(`Bad port request: a port with device owner ${before.device_owner} is changed through what owns it.`, 'BadRequest');
  // What it is plugged into is compute's to say (ATTACKS 30): `openstack server remove port`.
  if (before.server_id !== null && ['device_id', 'device_owner', 'mac_address'].some((name) => name in changesOf(before, wish)))
    throw conflict(`Unable to complete operation on port ${id} for network ${network.id}. Port already has an attached device ${before.device_id}.`, 'PortInUse');
  // Nothing: another one, drawn as for a new port.
  const mac = wish.mac_address === undefined ? before.mac_address : wish.mac_address === null ? await freeMac(tx, network.id, context.random) : unicastMac(wish.mac_address);
  if (mac !== before.mac_address && (await isMacTaken(tx, network.id, mac))) throw macInUse(network.id, mac);
  const secured = wish.port_security_enabled ?? before.port_security_enabled;
  const given = wish.security_groups === null ? [] : wish.security_groups;
  demandOnce(given ?? []);
  if (!secured && (given ?? before.security_groups).length > 0)
    throw conflict('Port has security group associated. Cannot disable port security or IP address until security group is removed.', 'PortSecurityPortHasSecurityGroup');
  const pairs = wish.allowed_address_pairs === undefined ? before.allowed_address_pairs : addressPairs(wish.allowed_address_pairs ?? []);
  if (pairs.length > 0 && !secured) throw pairsNeedSecurity();
  if (wish.qos_policy_id !== undefined) await demandRemovable(context, before.qos_policy_id);
  if (wish.qos_policy_id) await usablePolicy(context, wish.qos_policy_id, (type) => ruleNotSupported(type, id));

  await updatePortRow(
    tx,
    {
      ...before,
      name: wish.name ?? before.name,
      description: wish.description ?? before.description,
      admin_state_up: wish.admin_state_up ?? before.admin_state_up,
      mac_address: mac,
      device_id: wish.device_id ?? before.device_id,
      device_owner: wish.device_owner ?? before.device_owner,
      port_security_enabled: secured,
      allowed_address_pairs: pairsOf({ mac_address: mac }, pairs),
      extra_dhcp_opts: changedOptions(before.extra_dhcp_opts, wish.extra_dhcp_opts ?? []),
      data_plane_status: wish.data_plane_status === undefined ? before.data_plane_status : wish.data_plane_status,
      dns_name: wish.dns_name === undefined ? before.dns_name : portName(wish.dns_name),
      dns_domain: wish.dns_domain === undefined ? before.dns_domain : domainName(wish.dns_domain),
      qos_policy_id: wish.qos_policy_id === undefined ? before.qos_policy_id : wish.qos_policy_id,
      host_id: wish['binding:host_id'] === undefined ? before.host_id : (wish['binding:host_id'] ?? ''),
      profile: wish['binding:profile'] === undefined ? before.profile : (wish['binding:profile'] ?? {}),
    },
    now,
  );
  if (given !== undefined) await guard(context, id, wantedGroups(given, await seenGroups(tx, given), secured));
  if (given !== undefined) await markLoggedOn(context, before);
  if (mac !== before.mac_address) await renewAutomatic(context, before);
  if (wish.fixed_ips !== undefined) {
    await changeAddresses(context, before, wish.fixed_ips);
    const after = await getPort(context, id);
    const kept = after.fixed_ips.map((fixed) => fixed.ip_address);
    if (before.router_id !== null) await mark(tx, now, 'router', [before.router_id]);
    await letGoOfFloatingIps(context, id, before.fixed_ips.map((fixed) => fixed.ip_address).filter((address) => !kept.includes(address)));
  }
  if (wish.fixed_ips !== undefined || wish['binding:host_id'] !== undefined) await leaveLocalIps(context, [id]);
  if (before.trunk_details && wish['binding:host_id'] !== undefined) await mark(tx, now, 'port', await moveSubports(tx, id, wish['binding:host_id'] ?? ''));
  if (before.server_id !== null && (given !== undefined || wish.fixed_ips !== undefined || mac !== before.mac_address)) await newsOfPorts(context, [id]);
  await mark(tx, now, 'port', [id]);
  const port = await getPort(context, id);
  await tell(context, 'port', 'update', port, { network_id: port.network_id, device_id: port.device_id });
  return port;
}

/** neutron/db/allowedaddresspairs_db.py: pairs that are there already stay once. */
export async function addAddressPairs(context: Context, id: string, pairs: PairWish[]): Promise<Port> {
  const before = await lockedPort(context, id);
  return updatePort(context, id, { allowed_address_pairs: union(before, pairsOf(before, addressPairs(pairs))) });
}

export async function removeAddressPairs(context: Context, id: string, pairs: PairWish[]): Promise<Port> {
  const before = await lockedPort(context, id);
  const gone = new Set(pairsOf(before, addressPairs(pairs)).map((pair) => JSON.stringify(pair)));
  return updatePort(context, id, { allowed_address_pairs: union(before, []).filter((pair) => !gone.has(JSON.stringify(pair))) });
}

export async function deletePort(context: Context, id: string): Promise<void> {
  const { tx, caller } = context;
  const { project_id: owner } = await getPort(context, id);
  // Whose the network is may take off it what others have there, which is all of theirs that he sees: neutron/conf/policies/port.py, delete_port.
  if (owner === caller.projectId || caller.isAdmin) await takeOff(context, id);
  else await beyondScope(tx, () => takeOff(context, id));
}

async function takeOff(context: Context, id: string): Promise<void> {
  const port = await lockedPort(context, id);
  if (port.device_owner === 'network:distributed') return renewServicePort(context, port.network_id);
  if (isManaged(port)) throw conflict(`Port ${id} cannot be deleted directly via the port API: has device owner ${port.device_owner}.`, 'ServicePortInUse');
  const trunk = await trunkOf(context.tx, id);
  if (trunk?.parent != null) throw conflict(`Port ${id} is currently a parent port for trunk ${trunk.parent}.`, 'PortInUseAsTrunkParent');
  if (trunk?.sub != null) throw conflict(`Port ${id} is currently a subport for trunk ${trunk.sub}.`, 'PortInUseAsSubPort');
  if (await isLocalPort(context.tx, id)) throw conflict(`Port ${id} cannot be deleted directly via the port API: still referenced by Local IPs.`, 'ServicePortInUse');
  await dropPorts(context, [port]);
}

/** Deletes ports that are held, with what hangs on them. */
export async function dropPorts(context: Change, ports: readonly Port[]): Promise<void> {
  const { tx, now } = context;
  for (const port of ports) {
    await letGoOfFloatingIps(context, port.id, port.fixed_ips.map((fixed) => fixed.ip_address));
    if (!port.internal) await release(tx, port.project_id, { port: 1 });
  }
  await dropLogsOn(context, 'target_id', ports.map(({ id }) => id));
  await leaveLocalIps(context, ports.map(({ id }) => id));
  await deletePortRows(tx, ports.map(({ id }) => id));
  await mark(tx, now, 'port', ports.map(({ id }) => id));
  for (const port of ports) if (!port.internal) await tell(context, 'port', 'delete', port, { network_id: port.network_id, device_id: port.device_id });
}

/** The port, held until the end of the transaction; one that the caller may only see is refused. */
export async function lockedPort(context: Context, id: string): Promise<Port> {
  await getPort(context, id);
  const locked = await lockPort(context.tx, id);
  if (!locked) throw forbidden('rule:update_port is disallowed by policy', 'PolicyNotAuthorized');
  return locked;
}

/** Made by a router, a floating address or a network, and changed only through it. */
export function isManaged(port: Port): boolean {
  return port.internal || port.router_id !== null || port.device_owner === 'network:distributed';
}

export function shownOption({ opt_name, opt_value, ip_version }: DhcpOption): Omit<DhcpOption, 'name'> {
  return { opt_name, opt_value, ip_version };
}

export function portNotThere(id: string): never {
  throw notFound(`Port ${id} could not be found.`, 'PortNotFound');
}

/** Also for a port that stays when an address of it goes. */
export async function letGoOfFloatingIps(context: Change, portId: string, addresses: readonly string[]): Promise<void> {
  const freed = await freeFloatingIpsOfPort(context.tx, portId, addresses, context.now);
  await mark(context.tx, context.now, 'floating-ip', freed.map(({ id }) => id));
  for (const each of freed) await tell(context, 'floatingip', 'update', each);
  await dropForwardingsTo(context, portId, addresses);
  await dropProxiesTo(context, portId, addresses);
}

/** What ports are made among, asked at once: what is not there is refused where it is wished for. */
type Surroundings = { networks: Map<string, GroundOfPorts | undefined>; subnets: Map<string, Subnet[]>; groups: Set<string>; defaultGroups: Map<string, string | undefined> };

async function surroundingsOf(context: Context, wishes: readonly NewPortWish[]): Promise<Surroundings> {
  const { tx } = context;
  const owners = wishes.filter(({ security_groups: wanted }) => wanted == null).map((wish) => ownerOf(context, wish));
  const networkIds = wishes.map(({ network_id: id }) => id);
  const [networks, subnets, groups, defaultGroups] = await Promise.all([
    ofEach(networkIds, (id) => findGroundOfPorts(tx, id)),
    ofEach(networkIds, (id) => subnetsOfNetwork(tx, id)),
    seenGroups(tx, [...new Set(wishes.flatMap(({ security_groups: wanted }) => wanted ?? []))]),
    ofEach(owners, (id) => findDefaultGroup(tx, id)),
  ]);
  return { networks, subnets, groups, defaultGroups };
}

async function ofEach<T>(ids: readonly string[], find: (id: string) => Promise<T>): Promise<Map<string, T>> {
  return new Map(await Promise.all([...new Set(ids)].map(async (id) => [id, await find(id)] as const)));
}

type PlannedPort = { row: NewPort; wish: NewPortWish; network: GroundOfPorts; groups: string[]; pairs: ReturnType<typeof addressPairs> };

/** Refuses what cannot be; changes nothing but that the project has a default group, where it needs one. */
async function planned(context: Context, wish: NewPortWish, surroundings: Surroundings, once: ReturnType<typeof remembering>, serverId: string | undefined): Promise<PlannedPort> {
  const projectId = ownerOf(context, wish);
  const network = surroundings.networks.get(wish.network_id) ?? networkNotThere(wish.network_id);
  demandRights(context, 'create_port', network, wish);
  const mac = wish.mac_address == null ? undefined : unicastMac(wish.mac_address);
  const deviceOwner = wish.device_owner ?? '';
  const secured = wish.port_security_enabled ?? (network.port_security_enabled && !deviceOwner.startsWith('network:'));
  const defaultGroup = () => once(`default group of ${projectId}`, async () => surroundings.defaultGroups.get(projectId) ?? (await ensureDefaultGroup(context, projectId)));
  const groups = wish.security_groups == null ? (secured ? [await defaultGroup()] : []) : wantedGroups(wish.security_groups, surroundings.groups, secured);
  const pairs = addressPairs(wish.allowed_address_pairs ?? []);
  if (pairs.length > 0 && !secured) throw pairsNeedSecurity();
  const policyId = wish.qos_policy_id;
  if (policyId) await once(`policy ${policyId}`, () => usablePolicy(context, policyId, (type) => ruleNotSupported(type, 'new')));
  const row: NewPort = {
    id: context.random.uuid(),
    project_id: projectId,
    network_id: network.id,
    name: wish.name ?? '',
    description: wish.description ?? '',
    admin_state_up: wish.admin_state_up ?? true,
    ...(mac === undefined ? {} : { mac_address: mac }),
    device_id: wish.device_id ?? '',
    device_owner: deviceOwner,
    port_security_enabled: secured,
    host_id: wish['binding:host_id'] ?? '',
    profile: wish['binding:profile'] ?? {},
    extra_dhcp_opts: changedOptions([], wish.extra_dhcp_opts ?? []),
    tags: (wish.tags ?? []).toSorted(),
    dns_name: portName(wish.dns_name ?? ''),
    dns_domain: domainName(wish.dns_domain ?? ''),
    qos_policy_id: policyId ?? null,
    ...(serverId === undefined ? {} : { server_id: serverId, made_for_server: true }),
  };
  return { row, wish, network, groups, pairs };
}

/** Sent together what does not need the other's answer: most of what it takes to make a server is making its port. */
async function placePorts(context: Context, plans: readonly PlannedPort[], surroundings: Surroundings): Promise<{ rows: Map<string, AddressedPort>; taken: Taken }> {
  const { tx, now, random } = context;
  const rows = new Map<string, AddressedPort>();
  const taken: Taken = new Map(plans.map(({ row }) => [row.id, []]));
  const asked = askedByName(plans.map(({ wish }) => wish));
  for (let left = plans; left.length > 0; ) {
    const tried = left.map(({ row, pairs }) => {
      const mac_address = row.mac_address ?? drawnMac(random);
      return { ...row, mac_address, allowed_address_pairs: pairsOf({ mac_address }, pairs) };
    });
    const [there, drawn, gone] = await Promise.all([
      insertPorts(tx, tried, now),
      Promise.all(carelessOf(left).map(({ networkId, deviceOwner, ids }) => takeDrawn(context, surroundings.subnets.get(networkId)!, deviceOwner, ids, asked))),
      addToSecurityGroups(tx, left.map(({ row, groups }) => ({ id: row.id, groupIds: groups }))),
      mark(tx, now, 'port', left.map(({ row }) => row.id)),
    ]);
    if (gone !== undefined) groupNotThere(gone);
    await demandOneKind(tx, left.map(({ groups }) => groups));
    for (const row of tried) if (there.has(row.id)) rows.set(row.id, row);
    for (const [id, fixedIps] of drawn.flatMap((each) => [...each])) taken.set(id, fixedIps);
    left = left.filter(({ row }) => !there.has(row.id));
    const refused = left.find(({ row }) => row.mac_address !== undefined);
    if (refused) throw macInUse(refused.row.network_id, refused.row.mac_address!);
    // A drawn address that is taken is drawn again: of 16 million few are.
  }
  return { rows, taken };
}

/** Those that wish for no addresses, with all that are like them. */
function carelessOf(plans: readonly PlannedPort[]): { networkId: string; deviceOwner: string; ids: string[] }[] {
  const alike = Map.groupBy(plans.filter(({ wish }) => wish.fixed_ips === undefined), ({ row }) => `${row.network_id} ${row.device_owner}`);
  return [...alike.values()].map((group) => ({ networkId: group[0]!.row.network_id, deviceOwner: group[0]!.row.device_owner ?? '', ids: group.map(({ row }) => row.id) }));
}

/** What each wishes for, and what was not drawn. */
async function addressPorts(context: Context, plans: readonly PlannedPort[], rows: ReadonlyMap<string, AddressedPort>, { subnets }: Surroundings, taken: Taken): Promise<void> {
  for (const { row, wish } of plans) if (wish.fixed_ips !== undefined) taken.set(row.id, await takeAddresses(context, row, wish.fixed_ips));
  for (const { networkId, deviceOwner, ids } of carelessOf(plans)) await takeMissing(context, subnets.get(networkId)!, deviceOwner, ids.map((id) => ({ id, mac: rows.get(id)!.mac_address })), taken);
}

async function count(tx: Context['tx'], plans: readonly PlannedPort[], when: 'now' | 'at the commit'): Promise<void> {
  const byProject = [...Map.groupBy(plans, ({ row }) => row.project_id)].toSorted(([one], [other]) => (one < other ? -1 : 1));
  if (when === 'now') await Promise.all(byProject.map(([projectId, { length }]) => claim(tx, projectId, { port: length })));
  else for (const [projectId, { length }] of byProject) claimLast(tx, projectId, { port: length });
}

/** Asks each question once. */
function remembering(): <T>(question: string, ask: () => Promise<T>) => Promise<T> {
  const answers = new Map<string, Promise<unknown>>();
  return <T>(question: string, ask: () => Promise<T>) => {
    const answer = answers.get(question) ?? ask();
    answers.set(question, answer);
    return answer as Promise<T>;
  };
}

type PairWish = { ip_address: string; mac_address?: string };

const networkOwnerOnly = ['mac_address', 'port_security_enabled', 'allowed_address_pairs'];

/** neutron/conf/policies/port.py; stricter where the network is another project's (ATTACKS 30). */
function demandRights(context: Context, rule: string, network: Pick<Network, 'project_id' | 'shared'>, wish: PortChange): void {
  const { caller } = context;
  if (wish.data_plane_status !== undefined && !caller.isAdmin && !caller.roles.has('data_plane_integrator')) throw notAllowed(rule, 'data_plane_status');
  if (caller.isAdmin || caller.roles.has('service')) return;
  if (wish.device_owner?.startsWith('network:')) throw notAllowed(rule, 'device_owner');
  demandAdmin(context, rule, wish, ['binding:host_id', 'binding:profile']);
  if (network.project_id === caller.projectId) return;
  if (!network.shared) throw forbidden(`rule:${rule} is disallowed by policy`, 'PolicyNotAuthorized');
  demandAdmin(context, rule, wish, networkOwnerOnly);
  if (wish.fixed_ips?.some((fixed) => fixed.ip_address !== undefined)) throw notAllowed(rule, 'fixed_ips:ip_address');
}

/** What the wish would change: clients send back what they were shown. */
/** A router's interface may get another address of the subnets that it joins. */
function staysOnSubnets({ device_owner: owner, fixed_ips: before }: Port, wanted: readonly FixedIpWish[]): boolean {
  const subnets = (ips: readonly FixedIpWish[]) => [...new Set(ips.map(({ subnet_id: id = '' }) => id))].toSorted((one, other) => (one < other ? -1 : 1)).join();
  return owner === 'network:router_interface' && subnets(wanted) === subnets(before);
}

function changesOf(port: Port, wish: PortChange): PortChange {
  const now: PortChange = {
    name: port.name, description: port.description, admin_state_up: port.admin_state_up, mac_address: port.mac_address, fixed_ips: port.fixed_ips, device_id: port.device_id,
    device_owner: port.device_owner, security_groups: port.security_groups, port_security_enabled: port.port_security_enabled, allowed_address_pairs: port.allowed_address_pairs, qos_policy_id: port.qos_policy_id,
    extra_dhcp_opts: port.extra_dhcp_opts.map(shownOption), dns_name: port.dns_name, dns_domain: port.dns_domain, data_plane_status: port.data_plane_status,
    'binding:vnic_type': 'normal', 'binding:host_id': port.host_id, 'binding:profile': port.profile,
  };
  const changed = Object.entries(wish).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(now[name as keyof PortChange]));
  return Object.fromEntries(changed) as PortChange;
}

function wantedGroups(wanted: readonly string[], seen: ReadonlySet<string>, secured: boolean): string[] {
  if (wanted.length > 0 && !secured)
    throw badRequest('Port security must be enabled and port must have an IP address in order to use security groups.', 'PortSecurityAndIPRequiredForSecurityGroups');
  demandOnce(wanted);
  for (const id of wanted) if (!seen.has(id)) groupNotThere(id);
  return [...wanted];
}

/** neutron_lib/api/validators, validate_uuid_list. */
function demandOnce(ids: readonly string[]): void {
  const twice = ids.filter((id, place) => ids.indexOf(id) !== place);
  if (twice.length > 0) throw badRequest(`Invalid input for security_groups. Reason: Duplicate items in the list: '${[...new Set(twice)].join(', ')}'.`, 'HTTPBadRequest');
}

/** Puts the port in exactly these groups. */
export async function guard({ tx }: Pick<Context, 'tx'>, portId: string, groupIds: readonly string[]): Promise<void> {
  const gone = await setSecurityGroups(tx, portId, groupIds);
  if (gone !== undefined) groupNotThere(gone);
  await demandOneKind(tx, [groupIds]);
}

/** What a port's packets are is one thing: neutron/db/securitygroups_db.py, _validate_sgs_for_port. Asked once the groups are held, so that none becomes another meanwhile. */
async function demandOneKind(tx: Context['tx'], groupings: readonly (readonly string[])[]): Promise<void> {
  const several = new Map(groupings.filter(({ length }) => length > 1).map((ids) => [ids.toSorted((one, other) => (one < other ? -1 : 1)).join(), ids]));
  for (const ids of several.values())
    if ((await kindsOfGroups(tx, ids)) > 1) throw conflict('Error Cannot apply both stateful and stateless security groups on the same port at the same time while attempting the operation.', 'SecurityGroupConflict');
}

function addressPairs(wanted: PairWish[]): { ip_address: string; mac_address?: string }[] {
  // neutron/conf/extensions/allowedaddresspairs.py: max_allowed_address_pair.
  if (wanted.length > 10) throw badRequest('The number of allowed address pair exceeds the maximum 10.', 'AllowedAddressPairExhausted');
  const pairs = wanted.map(({ ip_address, mac_address }) => {
    const address = parseAddress(ip_address);
    const block = parseBlock(ip_address);
    if (!address && !block) throw badRequest(`Invalid input for allowed_address_pairs. Reason: '${ip_address}' is not a valid IP address.`, 'HTTPBadRequest');
    return { ip_address: address ? formatAddress(address) : formatBlock(block!), ...(mac_address === undefined ? {} : { mac_address: unicastMac(mac_address) }) };
  });
  if (new Set(pairs.map((pair) => JSON.stringify(pair))).size < pairs.length)
    throw badRequest('Request contains duplicate address pair.', 'DuplicateAddressPairInRequest');
  return pairs;
}

const pairsOf = (port: { mac_address: string }, pairs: { ip_address: string; mac_address?: string }[]): AddressPair[] =>
  pairs.map((pair) => ({ ip_address: pair.ip_address, mac_address: pair.mac_address ?? port.mac_address }));

/** In one form, so that equal ones are alike. */
function union(port: Port, added: AddressPair[]): AddressPair[] {
  const all = [...port.allowed_address_pairs, ...added].map(({ ip_address, mac_address }) => ({ ip_address, mac_address }));
  return [...new Map(all.map((pair) => [JSON.stringify(pair), pair])).values()];
}

const pairsNeedSecurity = () => conflict('Port Security must be enabled in order to have allowed address pairs on a port.', 'AddressPairAndPortSecurityRequired');
const ruleNotSupported = (type: string, id: string) => conflict(`Rule ${type} is not supported by port ${id}`, 'QosRuleNotSupported');
const macInUse = (networkId: string, mac: string) => conflict(`Unable to complete operation for network ${networkId}. The mac address ${mac} is in use.`, 'MacAddressInUse');

function unicastMac(given: string): string {
  const mac = given.toLowerCase().replaceAll('-', ':');
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac) || mac === '00:00:00:00:00:00' || Number.parseInt(mac.slice(0, 2), 16) % 2 === 1)
    throw badRequest(`Invalid input for mac_address. Reason: '${given}' is not a valid MAC address.`, 'HTTPBadRequest');
  return mac;
}

/** A value that ends in a colon stands for all owners that begin so: `compute:`. */
function ownersLike(values: string[]): ReturnType<Filter> {
  const prefixes = values.filter((value) => value.endsWith(':'));
  return sql`(r.device_owner = any(${values}::text[]) or exists (select from unnest(${prefixes}::text[]) prefix where starts_with(r.device_owner, prefix)))`;
}

/** `fixed_ips=ip_address=10.0.0.5&fixed_ips=subnet_id=…`: every name must match, with any of its values, on one address. */
function byFixedIps(values: string[]): ReturnType<Filter> {
  const wanted = values.map((value) => {
    const at = value.indexOf('=');
    return { name: value.slice(0, Math.max(at, 0)), value: value.slice(at + 1) };
  });
  const of = (name: string) => wanted.filter((each) => each.name === name).map((each) => each.value);
  const unknown = wanted.find(({ name }) => !['ip_address', 'subnet_id', 'ip_address_substr'].includes(name));
  if (unknown) throw badRequest(`Invalid input for operation: fixed_ips cannot be filtered by '${unknown.name.slice(0, 60)}'.`, 'InvalidInput');
  const conditions = [sql`a.port_id = r.id`];
  if (of('subnet_id').length > 0) conditions.push(sql`a.subnet_id = any(${of('subnet_id')}::text[])`);
  if (of('ip_address').length > 0) conditions.push(sql`host(a.address) = any(${of('ip_address').map((address) => canonicalAddress(address) ?? '')}::text[])`);
  for (const part of of('ip_address_substr')) conditions.push(sql`strpos(host(a.address), ${part}) > 0`);
  return sql`exists (select from network.allocation a where ${sql.and(conditions)})`;
}
