/** Which addresses a port gets. */
import type { Random } from '../../kit/clock.ts';
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { eui64, formatAddress, holds, parseAddress, parseBlock } from './addresses.ts';
import { allocateAny, allocateDrawn, allocateMany, allocateThis, findGuest, freeAddresses, type FixedIp, type Port } from './ports.store.ts';
import { isAutomatic, subnetsOfNetwork, type Subnet } from './subnets.store.ts';

export type FixedIpWish = { subnet_id?: string; ip_address?: string };

/** neutron/conf/common.py: max_fixed_ips_per_port. */
const most = 5;

/**
 * Takes what is wished for; without a wish one address of each IP version that the network has. A guest has
 * besides the address that it gives itself in each subnet that says so: neutron/db/ipam_pluggable_backend.py.
 */
export async function takeAddresses(context: Context, port: Addressed, wishes: FixedIpWish[] | undefined): Promise<FixedIp[]> {
  const { tx } = context;
  const subnets = await subnetsOfNetwork(tx, port.network_id);
  const taken: FixedIp[] = [];
  if (wishes === undefined) {
    for (const candidates of candidatesOf(subnets, port.device_owner ?? '')) taken.push(await takeOfAny(context, port, candidates));
    return [...taken, ...(await takeAutomatic(context, port, subnets))];
  }
  if (wishes.length > most) throw badRequest(`Invalid input for operation: Exceeded maximum amount of fixed ips per port.`, 'InvalidInput');
  await demandNotAutomatic(context, port, wishes, subnets);
  for (const { subnetId, address } of wishes.map((wish) => placed(wish, port.network_id, subnets)))
    if (address !== undefined) taken.push(await takeThis(context, port, subnetId, address));
    else if (!subnets.some((subnet) => subnet.id === subnetId && isAutomatic(subnet))) taken.push(await takeOfAny(context, port, subnets.filter((subnet) => subnet.id === subnetId)));
  return [...taken, ...(await takeAutomatic(context, port, subnets))];
}

/** What new ports of one network get that wish for no addresses; by port. */
export type Taken = Map<string, FixedIp[]>;

/**
 * One address of each version, drawn at random: enough for most, and known before the ports are there. What was taken already, and what
 * a port made with them asks for by name, is left to `takeMissing`.
 */
export async function takeDrawn({ tx, random }: Context, subnets: readonly Subnet[], deviceOwner: string, portIds: readonly string[], asked: ReadonlySet<string>): Promise<Taken> {
  const taken: Taken = new Map(portIds.map((id) => [id, []]));
  const answers = candidatesOf(subnets, deviceOwner).map(async ([{ id: subnetId, network_id: networkId, allocation_pools: [pool] }]) => {
    if (pool === undefined) return;
    const drawn = portIds.map((portId) => ({ portId, address: drawnFrom(pool, random) })).filter(({ address }) => !asked.has(address));
    for (const { portId, address } of await allocateDrawn(tx, { networkId, subnetId }, drawn)) taken.get(portId)!.push({ subnet_id: subnetId, ip_address: address });
  });
  await Promise.all(answers);
  return taken;
}

/** Together, as they are all alike; and what guests give themselves. */
export async function takeMissing(context: Context, subnets: readonly Subnet[], deviceOwner: string, ports: readonly NewGuest[], taken: Taken): Promise<void> {
  const { tx, random } = context;
  for (const candidates of candidatesOf(subnets, deviceOwner)) {
    const networkId = candidates[0].network_id;
    let left = ports.map(({ id }) => id).filter((id) => !taken.get(id)!.some(({ subnet_id: had }) => candidates.some((subnet) => subnet.id === had)));
    for (const subnet of candidates) {
      if (left.length === 0) break;
      const allocated = await allocateMany(tx, { networkId, subnetId: subnet.id, portIds: left }, random);
      for (const [id, address] of allocated) taken.get(id)!.push({ subnet_id: subnet.id, ip_address: address });
      left = left.filter((id) => !allocated.has(id));
    }
    if (left.length > 0) throw noneLeft(networkId);
  }
  const guests = deviceOwner.startsWith('network:') ? [] : ports;
  for (const subnet of subnets.filter(isAutomatic)) {
    const block = parseBlock(subnet.cidr)!;
    for (const { id, mac } of guests) taken.get(id)!.push(await takeThis(context, { id, network_id: subnet.network_id }, subnet.id, formatAddress(eui64(block, mac))));
  }
}

/** The addresses that are asked for by name, in the one way in which they are written. */
export function askedByName(wishes: readonly { fixed_ips?: FixedIpWish[] | undefined }[]): Set<string> {
  const parsed = wishes.flatMap(({ fixed_ips: fixedIps = [] }) => fixedIps.map(({ ip_address: text }) => (text === undefined ? undefined : parseAddress(text))));
  return new Set(parsed.flatMap((address) => (address ? [formatAddress(address)] : [])));
}

/** In the order in which they are shown. */
export function inOrder(fixedIps: readonly FixedIp[]): FixedIp[] {
  const numbered = fixedIps.map((fixed) => ({ fixed, at: parseAddress(fixed.ip_address)! }));
  return numbered.toSorted((one, other) => one.at.version - other.at.version || (one.at.value < other.at.value ? -1 : 1)).map(({ fixed }) => fixed);
}

type Candidates = readonly [Subnet, ...Subnet[]];

/** For each version that the network has, the subnets that an address may be of. */
function candidatesOf(subnets: readonly Subnet[], deviceOwner: string): Candidates[] {
  const open = openTo(subnets, deviceOwner).filter((subnet) => !isAutomatic(subnet));
  return [4, 6].flatMap((version) => {
    const [first, ...others] = open.filter((subnet) => subnet.ip_version === version);
    return first === undefined ? [] : [[first, ...others] as const];
  });
}

function drawnFrom({ start, end }: { start: string; end: string }, random: Random): string {
  const [first, last] = [parseAddress(start)!, parseAddress(end)!];
  const chance = BigInt(random.bytes(6).readUIntBE(0, 6));
  return formatAddress({ version: first.version, value: first.value + (((last.value - first.value + 1n) * chance) >> 48n) });
}

/** Those of its own kind first: neutron/db/ipam_backend_mixin.py, _ipam_get_subnets. */
export function openTo(subnets: readonly Subnet[], deviceOwner: string): Subnet[] {
  const open = subnets.filter(({ service_types: types }) => types.length === 0 || types.includes(deviceOwner));
  if (open.length === 0 && subnets.length > 0) throw conflict('No valid service subnet for the given device owner.', 'IpAddressGenerationFailureNoMatchingSubnet');
  return open.toSorted((one, other) => Number(one.service_types.length === 0) - Number(other.service_types.length === 0));
}

export type NewGuest = { id: string; mac: string };

async function takeAutomatic(context: Context, port: Addressed, subnets: readonly Subnet[]): Promise<FixedIp[]> {
  const automatic = subnets.filter(isAutomatic);
  const guest = automatic.length === 0 ? undefined : await findGuest(context.tx, port.id);
  const taken: FixedIp[] = [];
  if (!guest) return taken;
  for (const subnet of automatic) {
    const address = formatAddress(eui64(parseBlock(subnet.cidr)!, guest.mac));
    if (!guest.addresses.includes(address)) taken.push(await takeThis(context, port, subnet.id, address));
  }
  return taken;
}

/** Lets go of what is no longer wished for and takes what is new; what stays stays. */
export async function changeAddresses(context: Context, port: Port, wishes: FixedIpWish[]): Promise<void> {
  const { tx } = context;
  const subnets = await subnetsOfNetwork(tx, port.network_id);
  const left = [...port.fixed_ips];
  const fresh: FixedIpWish[] = [];
  // Explicit addresses first: a wish for "any of this subnet" may keep only what they leave.
  for (const wish of [...wishes].sort((one, other) => Number(one.ip_address === undefined) - Number(other.ip_address === undefined))) {
    const { subnetId, address } = placed(wish, port.network_id, subnets);
    const kept = left.findIndex((fixed) => (address === undefined ? fixed.subnet_id === subnetId : fixed.ip_address === address));
    if (kept < 0) fresh.push(wish);
    else left.splice(kept, 1);
  }
  // What the guest gave itself it has until the subnet goes or its MAC does.
  const own = (fixed: FixedIp) => subnets.some((subnet) => subnet.id === fixed.subnet_id && isAutomatic(subnet));
  await freeAddresses(tx, port.id, left.filter((fixed) => !own(fixed)).map((fixed) => fixed.ip_address));
  if (wishes.length > most) throw badRequest(`Invalid input for operation: Exceeded maximum amount of fixed ips per port.`, 'InvalidInput');
  if (fresh.length > 0) await takeAddresses(context, port, fresh);
}

type Addressed = { id: string; network_id: string; device_owner?: string };

/** A guest gives itself the address of its MAC: no other can be chosen for it. */
async function demandNotAutomatic({ tx }: Context, port: Addressed, wishes: FixedIpWish[], subnets: Subnet[]): Promise<void> {
  const chosen = wishes.flatMap((wish) => {
    const { subnetId, address } = placed(wish, port.network_id, subnets);
    const subnet = subnets.find(({ id }) => id === subnetId)!;
    return address !== undefined && isAutomatic(subnet) ? [{ subnet, address }] : [];
  });
  const guest = chosen.length === 0 ? undefined : await findGuest(tx, port.id);
  const wrong = guest && chosen.find(({ subnet, address }) => address !== formatAddress(eui64(parseBlock(subnet.cidr)!, guest.mac)));
  if (wrong)
    throw badRequest(`Invalid input for operation: IPv6 address ${wrong.address} can not be directly assigned to a port on subnet ${wrong.subnet.id} as the subnet is configured for automatic addresses.`, 'AllocationOnAutoAddressSubnet');
}

export async function takeThis({ tx }: Context, port: { id: string; network_id: string }, subnetId: string, address: string): Promise<FixedIp> {
  if (!(await allocateThis(tx, { networkId: port.network_id, subnetId, portId: port.id, address })))
    throw conflict(`IP address ${address} already allocated in subnet ${subnetId}`, 'IpAddressAlreadyAllocated');
  return { subnet_id: subnetId, ip_address: address };
}

async function takeOfAny({ tx, random }: Context, port: { id: string; network_id: string }, subnets: readonly Subnet[]): Promise<FixedIp> {
  for (const subnet of subnets) {
    const address = await allocateAny(tx, { networkId: port.network_id, subnetId: subnet.id, portId: port.id }, random);
    if (address !== undefined) return { subnet_id: subnet.id, ip_address: address };
  }
  throw noneLeft(port.network_id);
}

const noneLeft = (networkId: string) => conflict(`No more IP addresses available on network ${networkId}.`, 'IpAddressGenerationFailure');

/** The subnet that a wish is about, and the address in the one way in which it is written. */
function placed(wish: FixedIpWish, networkId: string, subnets: Subnet[]): { subnetId: string; address: string | undefined } {
  if (wish.ip_address === undefined) {
    if (wish.subnet_id === undefined) throw badRequest("Invalid input for operation: IP allocation requires subnet_id or ip_address.", 'InvalidInput');
    subnetNamed(wish.subnet_id, networkId, subnets);
    return { subnetId: wish.subnet_id, address: undefined };
  }
  const address = parseAddress(wish.ip_address);
  if (!address) throw badRequest(`Invalid input for fixed_ips. Reason: '${wish.ip_address}' is not a valid IP address.`, 'HTTPBadRequest');
  const subnet = wish.subnet_id === undefined ? subnets.find(({ cidr }) => holds(parseBlock(cidr)!, address)) : subnetNamed(wish.subnet_id, networkId, subnets);
  if (!subnet) throw badRequest(`IP address ${wish.ip_address} is not a valid IP for any of the subnets on the specified network.`, 'InvalidIpForNetwork');
  const block = parseBlock(subnet.cidr)!;
  const edge = block.prefix < (block.version === 4 ? 31 : 127) && (address.value === block.first || (block.version === 4 && address.value === block.last));
  if (!holds(block, address) || edge) throw badRequest(`IP address ${wish.ip_address} is not a valid IP for the specified subnet.`, 'InvalidIpForSubnet');
  return { subnetId: subnet.id, address: formatAddress(address) };
}

function subnetNamed(id: string, networkId: string, subnets: Subnet[]): Subnet {
  const subnet = subnets.find((each) => each.id === id);
  if (subnet) return subnet;
  throw subnets.length === 0
    ? notFound(`Subnet ${id} could not be found.`, 'SubnetNotFound')
    : badRequest(`Invalid input for operation: Failed to create port on network ${networkId}, because fixed_ips included invalid subnet ${id}.`, 'InvalidInput');
}

/** After its MAC changed: what the guest gives itself follows it. */
export async function renewAutomatic(context: Context, port: Port): Promise<void> {
  const subnets = (await subnetsOfNetwork(context.tx, port.network_id)).filter(isAutomatic);
  const old = port.fixed_ips.filter((fixed) => subnets.some((subnet) => subnet.id === fixed.subnet_id));
  await freeAddresses(context.tx, port.id, old.map((fixed) => fixed.ip_address));
  await takeAutomatic(context, port, subnets);
}
