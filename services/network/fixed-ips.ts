/** Which addresses a port gets. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { formatAddress, holds, parseAddress, parseBlock } from './addresses.ts';
import { allocateAny, allocateThis, freeAddresses, type FixedIp, type Port } from './ports.store.ts';
import { subnetsOfNetwork, type Subnet } from './subnets.store.ts';

export type FixedIpWish = { subnet_id?: string; ip_address?: string };

/** neutron/conf/common.py: max_fixed_ips_per_port. */
const most = 5;

/** Takes what is wished for; without a wish one address of each IP version that the network has. */
export async function takeAddresses(context: Context, port: { id: string; network_id: string }, wishes: FixedIpWish[] | undefined): Promise<void> {
  const { tx } = context;
  const subnets = await subnetsOfNetwork(tx, port.network_id);
  if (wishes === undefined) {
    for (const version of [4, 6] as const) {
      const candidates = subnets.filter((subnet) => subnet.ip_version === version);
      if (candidates.length > 0) await takeOfAny(context, port, candidates);
    }
    return;
  }
  if (wishes.length > most) throw badRequest(`Invalid input for operation: Exceeded maximum amount of fixed ips per port.`, 'InvalidInput');
  for (const { subnetId, address } of wishes.map((wish) => placed(wish, port.network_id, subnets)))
    if (address !== undefined) await takeThis(context, port, subnetId, address);
    else await takeOfAny(context, port, subnets.filter((subnet) => subnet.id === subnetId));
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
  await freeAddresses(tx, port.id, left.map((fixed) => fixed.ip_address));
  if (wishes.length > most) throw badRequest(`Invalid input for operation: Exceeded maximum amount of fixed ips per port.`, 'InvalidInput');
  if (fresh.length > 0) await takeAddresses(context, port, fresh);
}

export async function takeThis({ tx }: Context, port: { id: string; network_id: string }, subnetId: string, address: string): Promise<void> {
  if (!(await allocateThis(tx, { networkId: port.network_id, subnetId, portId: port.id, address })))
    throw conflict(`IP address ${address} already allocated in subnet ${subnetId}`, 'IpAddressAlreadyAllocated');
}

async function takeOfAny({ tx }: Context, port: { id: string; network_id: string }, subnets: Subnet[]): Promise<FixedIp> {
  for (const subnet of subnets) {
    const address = await allocateAny(tx, { networkId: port.network_id, subnetId: subnet.id, portId: port.id });
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
