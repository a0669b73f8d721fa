/** Which addresses a port gets. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { eui64, formatAddress, holds, parseAddress, parseBlock } from './addresses.ts';
import { allocateAny, allocateThis, findGuest, freeAddresses, type FixedIp, type Port } from './ports.store.ts';
import { isAutomatic, subnetsOfNetwork, type Subnet } from './subnets.store.ts';

export type FixedIpWish = { subnet_id?: string; ip_address?: string };

/** neutron/conf/common.py: max_fixed_ips_per_port. */
const most = 5;

/**
 * Takes what is wished for; without a wish one address of each IP version that the network has. A guest has
 * besides the address that it gives itself in each subnet that says so: neutron/db/ipam_pluggable_backend.py.
 */
export async function takeAddresses(context: Context, port: Addressed, wishes: FixedIpWish[] | undefined): Promise<void> {
  const { tx } = context;
  const subnets = await subnetsOfNetwork(tx, port.network_id);
  if (wishes === undefined) {
    for (const version of [4, 6] as const) {
      const candidates = subnets.filter((subnet) => subnet.ip_version === version && !isAutomatic(subnet));
      if (candidates.length > 0) await takeOfAny(context, port, candidates);
    }
    await takeAutomatic(context, port, subnets);
    return;
  }
  if (wishes.length > most) throw badRequest(`Invalid input for operation: Exceeded maximum amount of fixed ips per port.`, 'InvalidInput');
  await demandNotAutomatic(context, port, wishes, subnets);
  for (const { subnetId, address } of wishes.map((wish) => placed(wish, port.network_id, subnets)))
    if (address !== undefined) await takeThis(context, port, subnetId, address);
    else if (!subnets.some((subnet) => subnet.id === subnetId && isAutomatic(subnet))) await takeOfAny(context, port, subnets.filter((subnet) => subnet.id === subnetId));
  await takeAutomatic(context, port, subnets);
}

async function takeAutomatic(context: Context, port: Addressed, subnets: Subnet[]): Promise<void> {
  const automatic = subnets.filter(isAutomatic);
  const guest = automatic.length === 0 ? undefined : await findGuest(context.tx, port.id);
  if (!guest) return;
  for (const subnet of automatic) {
    const address = formatAddress(eui64(parseBlock(subnet.cidr)!, guest.mac));
    if (!guest.addresses.includes(address)) await takeThis(context, port, subnet.id, address);
  }
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

type Addressed = { id: string; network_id: string };

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

export async function takeThis({ tx }: Context, port: { id: string; network_id: string }, subnetId: string, address: string): Promise<void> {
  if (!(await allocateThis(tx, { networkId: port.network_id, subnetId, portId: port.id, address })))
    throw conflict(`IP address ${address} already allocated in subnet ${subnetId}`, 'IpAddressAlreadyAllocated');
}

async function takeOfAny({ tx, random }: Context, port: { id: string; network_id: string }, subnets: Subnet[]): Promise<FixedIp> {
  for (const subnet of subnets) {
    const address = await allocateAny(tx, { networkId: port.network_id, subnetId: subnet.id, portId: port.id }, random);
    if (address !== undefined) return { subnet_id: subnet.id, ip_address: address };
  }
  throw conflict(`No more IP addresses available on network ${port.network_id}.`, 'IpAddressGenerationFailure');
}

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
