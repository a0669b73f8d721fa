import { badRequest, conflict, Fault, forbidden, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { bitsOf, eui64, formatAddress, formatBlock, holds, overlap, parseAddress, parseBlock, type Address, type Block } from './addresses.ts';
import { mark, tell } from './changes.ts';
import { byBoolean, byNumber, byText, byTextOrNothing, pythonList, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { lockedNetwork } from './networks.ts';
import { touchNetwork } from './networks.store.ts';
import { allocateThis, freeGuestAddresses, guestPorts } from './ports.store.ts';
import { ownerOf } from './owners.ts';
import { demandMtuFor } from './places.ts';
import { claim, release } from './quotas.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { markRoutersOfNetwork } from './routers.store.ts';
import { ensureServicePort } from './service-ports.ts';
import { blockOfPool, defaultPoolFor, takeOfPool } from './subnet-pools.ts';
import { deleteSubnetRows, findSubnet, holderOf, insertSubnet, isAutomatic, lockSubnet, replacePools, subnetsOfNetwork, updateSubnetRow, usersOfSubnet, type Subnet } from './subnets.store.ts';

export type { Subnet } from './subnets.store.ts';

type Pool = { start: string; end: string };
type Route = { destination: string; nexthop: string };

export type SubnetWish = {
  name?: string;
  description?: string;
  gateway_ip?: string | null;
  enable_dhcp?: boolean;
  allocation_pools?: Pool[];
  dns_nameservers?: string[];
  host_routes?: Route[];
  service_types?: string[];
};

export type NewSubnetWish = SubnetWish & {
  project_id?: string;
  tenant_id?: string;
  network_id: string;
  ip_version: number | string;
  cidr?: string | null;
  ipv6_ra_mode?: string | null;
  ipv6_address_mode?: string | null;
  subnetpool_id?: string | null;
  use_default_subnetpool?: boolean;
  prefixlen?: number | string | null;
};

/** neutron/conf/common.py: max_dns_nameservers, max_subnet_host_routes. */
const mostNameservers = 5;
const mostRoutes = 20;

export const subnetListing: Listing = {
  collection: 'subnets',
  table: sql`network.subnet`,
  filters: {
    ...standardFilters(),
    ...tagFilters,
    name: byText(sql`r.name`),
    network_id: byText(sql`r.network_id`),
    ip_version: byNumber(sql`r.ip_version`),
    cidr: (values) => byText(sql`r.cidr::text`)(values.map((value) => canonicalBlock(value) ?? value)),
    gateway_ip: (values) => byTextOrNothing(sql`host(r.gateway_ip)`)(values.map((value) => canonicalAddress(value) ?? value)),
    enable_dhcp: byBoolean(sql`r.enable_dhcp`),
    shared: byBoolean(sharedWithReader(sql`r.network_shared_with`)),
    ipv6_ra_mode: byTextOrNothing(sql`r.ipv6_ra_mode`),
    ipv6_address_mode: byTextOrNothing(sql`r.ipv6_address_mode`),
    subnetpool_id: byTextOrNothing(sql`(select a.pool_id from network.pool_allocation a where a.subnet_id = r.id)`),
    'router:external': byBoolean(sql`(r.network_external_to <> '{}')`),
  },
  sorts: { ...standardSorts, name: sql`r.name`, network_id: sql`r.network_id`, ip_version: sql`r.ip_version`, cidr: sql`r.cidr`, enable_dhcp: sql`r.enable_dhcp` },
};

export async function getSubnet({ tx }: Pick<Context, 'tx'>, id: string): Promise<Subnet> {
  const subnet = await findSubnet(tx, id);
  if (!subnet) throw subnetNotThere(id);
  return subnet;
}

const subnetNotThere = (id: string) => notFound(`Subnet ${id} could not be found.`, 'SubnetNotFound');

/** As in Neutron, an external network shows its subnets to their owner and, when it is shared, to all: networks take addresses from them unseen. */
export async function getShownSubnet(context: Context, id: string): Promise<Subnet> {
  const subnet = await getSubnet(context, id);
  const { isAdmin, projectId, roles } = context.caller;
  if (isAdmin || roles.has('renter') || subnet.network_shared || !subnet.network_external || subnet.project_id === projectId) return subnet;
  throw subnetNotThere(id);
}

export const shownSubnets = ({ caller }: Pick<Context, 'caller'>) =>
  // A renter gives out addresses there himself, and has to know which there are (docs/decisions/0007).
  caller.isAdmin || caller.roles.has('renter') ? sql`true` : sql`(${sharedWithReader(sql`r.network_shared_with`)} or r.network_external_to = '{}' or r.project_id = ${caller.projectId})`;

export async function createSubnet(context: Context, wish: NewSubnetWish): Promise<Subnet> {
  const { tx, now } = context;
  const projectId = ownerOf(context, wish);
  const version = versionOf(wish.ip_version);
  const poolId = wish.use_default_subnetpool === true ? await defaultPoolFor(context, version, wish.subnetpool_id ?? null) : (wish.subnetpool_id ?? null);
  const wanted = poolId !== null && (wish.cidr ?? null) === null ? undefined : blockOf(wish, version);
  // Held, so that two overlapping subnets cannot pass one another.
  const network = await lockedNetwork(context, wish.network_id, 'create_subnet');
  demandMtuFor(network, [version]);
  const others = await subnetsOfNetwork(tx, network.id);
  if (others.some((subnet) => subnet.ip_version === version && subnet.subnetpool_id !== poolId))
    throw badRequest('Subnets hosted on the same network must be allocated from the same subnet pool.', 'NetworkSubnetPoolAffinityError');
  const prefixlen = (wish.prefixlen ?? null) === null ? undefined : Number(wish.prefixlen);
  if (wanted && prefixlen !== undefined) throw badRequest('Bad subnets request: cidr and prefixlen must not be supplied together.', 'BadRequest');
  const block = poolId === null ? wanted! : await blockOfPool(context, poolId, { version, cidr: wanted, prefixlen, projectId });
  const other = others.find((subnet) => overlap(parseBlock(subnet.cidr)!, block));
  if (other)
    throw invalid(`Requested subnet with cidr: ${formatBlock(block)} for network: ${network.id} overlaps with another subnet`);
  const gateway = wish.gateway_ip === undefined ? defaultGateway(block) : wish.gateway_ip === null ? null : addressIn(wish.gateway_ip, version, 'gateway_ip');
  if (gateway && !isGateway(gateway, block)) throw invalid('Gateway is not valid on subnet');
  const pools = wish.allocation_pools === undefined ? defaultPools(block, gateway) : checkedPools(wish.allocation_pools, block, gateway);
  checkModes(wish, version, block);
  checkServers(wish, version);

  await claim(tx, projectId, { subnet: 1 });
  const id = context.random.uuid();
  await insertSubnet(
    tx,
    {
      id,
      project_id: projectId,
      network_id: network.id,
      name: wish.name ?? '',
      description: wish.description ?? '',
      ip_version: version,
      cidr: formatBlock(block),
      gateway_ip: gateway && formatAddress(gateway),
      enable_dhcp: wish.enable_dhcp ?? true,
      allocation_pools: pools,
      dns_nameservers: wish.dns_nameservers ?? [],
      host_routes: wish.host_routes ?? [],
      ipv6_ra_mode: wish.ipv6_ra_mode ?? null,
      ipv6_address_mode: wish.ipv6_address_mode ?? null,
      service_types: checkedTypes(wish.service_types ?? []),
    },
    now,
  );
  if (poolId !== null) await takeOfPool(context, { poolId, subnetId: id, projectId, block });
  await ensureServicePort(context, network.id);
  await touchNetwork(tx, network.id, now);
  await mark(tx, now, 'network', [network.id]);
  const subnet = await getSubnet(context, id);
  if (isAutomatic(subnet)) await joinPorts(context, subnet);
  await tell(context, 'subnet', 'create', subnet, { name: subnet.name });
  return subnet;
}

export async function updateSubnet(context: Context, id: string, wish: SubnetWish): Promise<Subnet> {
  const { tx, now } = context;
  const before = await lockedSubnet(context, id, 'update_subnet');
  const version = before.ip_version;
  const block = parseBlock(before.cidr)!;
  checkServers(wish, version);
  const gatewayText = wish.gateway_ip === undefined ? before.gateway_ip : wish.gateway_ip;
  const gateway = gatewayText === null ? null : addressIn(gatewayText, version, 'gateway_ip');
  if (gateway && !isGateway(gateway, block)) throw invalid('Gateway is not valid on subnet');
  if (wish.gateway_ip !== undefined && before.gateway_ip !== null && before.gateway_ip !== gatewayText) {
    const holder = await holderOf(tx, before.network_id, before.gateway_ip);
    if (holder !== undefined) throw conflict(`Current gateway ip ${before.gateway_ip} already in use by port ${holder}. Unable to update.`, 'GatewayIpInUse');
  }
  const pools = checkedPools(wish.allocation_pools ?? before.allocation_pools, block, gateway);
  await updateSubnetRow(
    tx,
    {
      ...before,
      name: wish.name ?? before.name,
      description: wish.description ?? before.description,
      gateway_ip: gateway && formatAddress(gateway),
      enable_dhcp: wish.enable_dhcp ?? before.enable_dhcp,
      dns_nameservers: wish.dns_nameservers ?? before.dns_nameservers,
      host_routes: wish.host_routes ?? before.host_routes,
      service_types: wish.service_types === undefined ? before.service_types : checkedTypes(wish.service_types),
    },
    now,
  );
  if (wish.allocation_pools !== undefined) await replacePools(tx, id, pools);
  await ensureServicePort(context, before.network_id);
  await touchNetwork(tx, before.network_id, now);
  await mark(tx, now, 'network', [before.network_id]);
  // A router's next hop is the external subnet's gateway, and to its own networks it announces how addresses are had.
  await markRoutersOfNetwork(tx, before.network_id, now);
  const subnet = await getSubnet(context, id);
  await tell(context, 'subnet', 'update', subnet);
  return subnet;
}

export async function deleteSubnet(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const subnet = await lockedSubnet(context, id, 'delete_subnet');
  if (isAutomatic(subnet)) await leavePorts(context, subnet);
  if ((await usersOfSubnet(tx, id)).length > 0)
    throw conflict(`Unable to complete operation on subnet ${id}: One or more ports have an IP allocation from this subnet.`, 'SubnetInUse');
  await ensureServicePort(context, subnet.network_id, { without: id });
  await deleteSubnetRows(tx, { id });
  await release(tx, subnet.project_id, { subnet: 1 });
  await touchNetwork(tx, subnet.network_id, now);
  await mark(tx, now, 'network', [subnet.network_id]);
  await tell(context, 'subnet', 'delete', subnet, { name: subnet.name });
}

/** Guests that were there before hear of it and give themselves addresses in it, as the routers announce it. */
async function joinPorts({ tx, now }: Context, subnet: Subnet): Promise<void> {
  const block = parseBlock(subnet.cidr)!;
  const joined: string[] = [];
  for (const { id, mac } of await guestPorts(tx, subnet.network_id))
    if (await allocateThis(tx, { networkId: subnet.network_id, subnetId: subnet.id, portId: id, address: formatAddress(eui64(block, mac)) })) joined.push(id);
  await mark(tx, now, 'port', joined);
}

/** And they lose them with it: only what somebody chose keeps a subnet (neutron/db/db_base_plugin_v2.py, delete_subnet). */
async function leavePorts({ tx, now }: Context, subnet: Subnet): Promise<void> {
  await mark(tx, now, 'port', await freeGuestAddresses(tx, subnet.id));
}

async function lockedSubnet(context: Context, id: string, rule: string): Promise<Subnet> {
  const locked = await lockSubnet(context.tx, id);
  if (locked) return locked;
  await getShownSubnet(context, id);
  throw forbidden(`rule:${rule} is disallowed by policy`, 'PolicyNotAuthorized');
}

export const invalid = (reason: string) => badRequest(`Invalid input for operation: ${reason}.`, 'InvalidInput');

function versionOf(given: number | string): 4 | 6 {
  const version = Number(given);
  if (version === 4 || version === 6) return version;
  throw badRequest(`Invalid input for ip_version. Reason: '${given}' is not in [4, 6].`, 'HTTPBadRequest');
}

function blockOf(wish: NewSubnetWish, version: 4 | 6): Block {
  // neutron/db/ipam_backend_mixin.py.
  if (wish.cidr === undefined || wish.cidr === null) throw badRequest('Bad subnets request: a subnetpool must be specified in the absence of a cidr.', 'BadRequest');
  const block = parseBlock(wish.cidr);
  if (!block) throw badRequest(`Invalid input for cidr. Reason: '${wish.cidr}' is not a valid IP subnet.`, 'HTTPBadRequest');
  if (block.version !== version) throw invalid(`cidr '${wish.cidr}' does not match the ip_version '${version}'`);
  if (block.prefix === 0) throw invalid('0 is not allowed as CIDR prefix length');
  if (isUnusable(block)) throw invalid(`cidr '${wish.cidr}' is multicast, loopback or reserved`);
  return block;
}

function isUnusable(block: Block): boolean {
  const unusable = block.version === 4 ? ['127.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '0.0.0.0/8', '169.254.169.254/32'] : ['ff00::/8', '::/128', '::1/128', 'fe80::/10'];
  return unusable.some((text) => overlap(parseBlock(text)!, block));
}

function defaultGateway(block: Block): Address | null {
  // As Neutron does: the address after the network's, or the only one of a /32 or /128.
  return { version: block.version, value: block.prefix === bitsOf(block.version) ? block.first : block.first + 1n };
}

/** On the subnet and neither its network nor its broadcast address. */
function isGateway(gateway: Address, block: Block): boolean {
  if (!holds(block, gateway)) return false;
  if (block.prefix >= bitsOf(block.version) - 1) return true;
  return gateway.value !== block.first && (block.version === 6 || gateway.value !== block.last);
}

/** All addresses but the network's, the broadcast's and the gateway's: neutron/ipam/utils.py, generate_pools. */
function defaultPools(block: Block, gateway: Address | null): Pool[] {
  const bits = bitsOf(block.version);
  const first = block.prefix >= bits - 1 ? block.first : block.first + 1n;
  const last = block.version === 4 && block.prefix < bits - 1 ? block.last - 1n : block.last;
  const ranges = gateway && first <= gateway.value && gateway.value <= last ? [[first, gateway.value - 1n], [gateway.value + 1n, last]] : [[first, last]];
  return ranges.flatMap(([from, to]) =>
    from! <= to! ? [{ start: formatAddress({ version: block.version, value: from! }), end: formatAddress({ version: block.version, value: to! }) }] : [],
  );
}

function checkedPools(pools: Pool[], block: Block, gateway: Address | null): Pool[] {
  const ranges = pools.map((pool) => {
    const named = `${pool.start}-${pool.end}`;
    const start = parseAddress(pool.start);
    const end = parseAddress(pool.end);
    if (!start || !end || start.version !== block.version || end.version !== block.version || end.value < start.value)
      throw badRequest(`The allocation pool ${named} is not valid.`, 'InvalidAllocationPool');
    const whole = block.prefix >= bitsOf(block.version) - 1;
    const first = whole ? block.first : block.first + 1n;
    const last = whole || block.version === 6 ? block.last : block.last - 1n;
    if (start.value < first || end.value > last) throw badRequest(`The allocation pool ${named} spans beyond the subnet cidr ${formatBlock(block)}.`, 'OutOfBoundsAllocationPool');
    if (gateway && start.value <= gateway.value && gateway.value <= end.value)
      throw conflict(`Gateway ip ${formatAddress(gateway)} conflicts with allocation pool ${named}.`, 'GatewayConflictWithAllocationPools');
    return { named, start, end };
  });
  ranges.sort((one, other) => (one.start.value < other.start.value ? -1 : 1));
  ranges.forEach((range, index) => {
    const next = ranges[index + 1];
    if (next && next.start.value <= range.end.value)
      throw conflict(`Found overlapping allocation pools: ${range.named} ${next.named} for subnet ${formatBlock(block)}.`, 'OverlappingAllocationPools');
  });
  return ranges.map(({ start, end }) => ({ start: formatAddress(start), end: formatAddress(end) }));
}

const ipv6Modes = ['dhcpv6-stateful', 'dhcpv6-stateless', 'slaac'];

/** neutron/db/db_base_plugin_v2.py, _validate_ipv6_attributes. */
function checkModes(wish: NewSubnetWish, version: 4 | 6, block: Block): void {
  const [ra, address] = [wish.ipv6_ra_mode ?? null, wish.ipv6_address_mode ?? null];
  for (const [field, mode] of [['ipv6_ra_mode', ra], ['ipv6_address_mode', address]] as const)
    if (mode !== null && !ipv6Modes.includes(mode)) throw badRequest(`Invalid input for ${field}. Reason: '${mode}' is not in ${pythonList(ipv6Modes)}.`, 'HTTPBadRequest');
  if (ra === null && address === null) return;
  if (version === 4) throw invalid('ipv6_ra_mode and ipv6_address_mode are only valid for IPv6 subnets');
  if (wish.enable_dhcp === false) throw invalid('ipv6_ra_mode or ipv6_address_mode cannot be set when enable_dhcp is set to False');
  if (ra !== null && address !== null && ra !== address)
    throw invalid(`ipv6_ra_mode set to '${ra}' with ipv6_address_mode set to '${address}' is not valid. If both attributes are set, they must be the same value`);
  if (isAutomatic({ ipv6_ra_mode: ra, ipv6_address_mode: address }) && block.prefix !== 64)
    throw invalid(`Invalid CIDR ${formatBlock(block)} for IPv6 address mode. OpenStack uses the EUI-64 address format, which requires the prefix to be /64`);
}

function checkServers(wish: SubnetWish, version: 4 | 6): void {
  const servers = wish.dns_nameservers ?? [];
  if (servers.length > mostNameservers) throw new Fault(400, 'DNSNameServersExhausted', `Unable to complete operation for DNS nameservers. The number of DNS nameservers exceeds the limit ${mostNameservers}.`);
  if (new Set(servers).size < servers.length) throw badRequest('Invalid input for dns_nameservers. Reason: Duplicate nameserver.', 'HTTPBadRequest');
  for (const server of servers) {
    const address = parseAddress(server);
    if (!address) throw badRequest(`Invalid input for dns_nameservers. Reason: '${server}' is not a valid nameserver.`, 'HTTPBadRequest');
    if (address.version !== version) throw invalid(`dns_nameserver '${server}' does not match the ip_version '${version}'`);
  }
  const routes = wish.host_routes ?? [];
  if (routes.length > mostRoutes) throw new Fault(400, 'HostRoutesExhausted', `Unable to complete operation. The number of host routes exceeds the limit ${mostRoutes}.`);
  for (const route of routes) {
    const destination = parseBlock(route.destination);
    const nexthop = parseAddress(route.nexthop);
    if (!destination || !nexthop) throw badRequest(`Invalid input for host_routes. Reason: '${route.destination} via ${route.nexthop}' is not a valid route.`, 'HTTPBadRequest');
    if (destination.version !== version || nexthop.version !== version) throw invalid(`host_routes do not match the ip_version '${version}'`);
  }
}

/** An owner as ports name theirs: what kind, and which. neutron_lib/api/validators, validate_subnet_service_types, lets kinds of one's own in too. */
function checkedTypes(types: readonly string[]): string[] {
  const wrong = types.find((type) => !/^[a-z]+:/.test(type));
  if (wrong !== undefined) throw badRequest(`Subnet service type ${wrong} does not correspond to a valid device owner.`, 'InvalidSubnetServiceType');
  return [...new Set(types)];
}

function addressIn(text: string, version: 4 | 6, field: string): Address {
  const address = parseAddress(text);
  if (!address) throw badRequest(`Invalid input for ${field}. Reason: '${text}' is not a valid IP address.`, 'HTTPBadRequest');
  if (address.version !== version) throw invalid(`${field} '${text}' does not match the ip_version '${version}'`);
  return address;
}

export function canonicalAddress(text: string): string | undefined {
  const address = parseAddress(text);
  return address && formatAddress(address);
}

export function canonicalBlock(text: string): string | undefined {
  const block = parseBlock(text);
  return block && formatBlock(block);
}
