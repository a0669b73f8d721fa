import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { claimSpending, domainOf } from '../quota/budgets.ts';
import { mark, tell } from './changes.ts';
import { openTo, takeAddresses, type FixedIpWish } from './fixed-ips.ts';
import {
  associatedWith, deleteFloatingIpRow, describeFloatingIpRow, findFloatingIp, insertFloatingIp, lockFloatingIp, updateFloatingIpRow, type Association, type FloatingIp, type Said,
} from './floating-ips.store.ts';
import { byText, byTextOrNothing, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { getNetwork } from './networks.ts';
import { notAllowed, ownerOf } from './owners.ts';
import { demandNoForwardings } from './port-forwardings.ts';
import { portNotThere } from './ports.ts';
import { findPort, firstWithRoom, insertPort, lockPort } from './ports.store.ts';
import { usablePolicy } from './qos-policies.ts';
import { claim, release } from './quotas.ts';
import { lockRouter, routerBetween } from './routers.store.ts';
import { newsOfPorts } from './server-news.ts';
import { canonicalAddress } from './subnets.ts';
import { subnetsOfNetwork } from './subnets.store.ts';

export type { FloatingIp } from './floating-ips.store.ts';

export type FloatingIpWish = { port_id?: string | null; fixed_ip_address?: string | null; qos_policy_id?: string | null; description?: string };
export type NewFloatingIpWish = FloatingIpWish & { project_id?: string; tenant_id?: string; floating_network_id: string; floating_ip_address?: string | null; subnet_id?: string | null; dns_name?: string; dns_domain?: string };

export const floatingIpListing: Listing = {
  collection: 'floatingips',
  table: sql`network.floating_ip`,
  filters: {
    ...standardFilters(),
    ...tagFilters,
    floating_network_id: byText(sql`r.floating_network_id`),
    floating_ip_address: (values) => byText(sql`host(r.floating_ip_address)`)(values.map((value) => canonicalAddress(value) ?? value)),
    port_id: byTextOrNothing(sql`r.port_id`),
    fixed_ip_address: (values) => byTextOrNothing(sql`host(r.fixed_ip_address)`)(values.map((value) => canonicalAddress(value) ?? value)),
    router_id: byTextOrNothing(sql`r.router_id`),
    status: byText(sql`r.status`),
    qos_policy_id: byTextOrNothing(sql`r.qos_policy_id`),
  },
  sorts: { ...standardSorts, floating_network_id: sql`r.floating_network_id`, floating_ip_address: sql`r.floating_ip_address`, status: sql`r.status` },
};

export async function getFloatingIp({ tx }: Pick<Context, 'tx'>, id: string): Promise<FloatingIp> {
  return (await findFloatingIp(tx, id)) ?? notThere(id);
}

export async function createFloatingIp(context: Context, wish: NewFloatingIpWish): Promise<FloatingIp> {
  const { tx, now, random, caller } = context;
  const projectId = ownerOf(context, wish);
  if (wish.floating_ip_address != null && !caller.isAdmin && !caller.roles.has('manager')) throw notAllowed('create_floatingip', 'floating_ip_address');
  // Nobody would answer for it: a DNS of the outside, to which Neutron hands such names, is not there.
  if (wish.dns_name || wish.dns_domain) throw bad('dns_name and dns_domain cannot be given to a floating IP: there is no DNS service that would publish them');
  const network = await getNetwork(context, wish.floating_network_id);
  if (!network.external) throw bad(`Network ${network.id} is not a valid external network`);
  await claim(tx, projectId, { floatingip: 1 });
  await claimSpending(tx, { now, projectId, domainId: domainOf(caller, projectId), thing: { resource: 'floatingip', flavor: '', state: 'ACTIVE', measures: { floatingips: 1 } } });
  const [id, portId] = [random.uuid(), random.uuid()];
  const qos_policy_id = await policyFor(context, id, wish.qos_policy_id ?? null);
  await insertPort(tx, { id: portId, project_id: projectId, internal: true, network_id: network.id, device_owner: 'network:floatingip', port_security_enabled: false }, context);
  await takeAddresses(context, { id: portId, network_id: network.id }, [await externalAddress(context, wish)]);
  const address = (await findPort(tx, portId))!.fixed_ips[0]!.ip_address;
  await insertFloatingIp(
    tx,
    { id, project_id: projectId, floating_network_id: network.id, floating_port_id: portId, floating_ip_address: address, qos_policy_id, description: wish.description ?? '' },
    now,
  );
  const made = await getFloatingIp(context, id);
  if (wish.port_id != null) await associate(context, made, { port_id: wish.port_id, fixed_ip_address: wish.fixed_ip_address ?? null }, made);
  else if (wish.fixed_ip_address != null) throw bad('fixed_ip_address cannot be specified without a port_id');
  const floatingIp = await getFloatingIp(context, id);
  await newsOfPorts(context, [floatingIp.port_id]);
  await tell(context, 'floatingip', 'create', floatingIp, { floating_ip_address: address });
  return floatingIp;
}

export async function updateFloatingIp(context: Context, id: string, wish: FloatingIpWish): Promise<FloatingIp> {
  const { tx, now } = context;
  const before = await lockedFloatingIp(context, id);
  // Nothing at all takes it off its port: neutron's plugin for tempest, test_blank_update_clears_association.
  const portId = Object.keys(wish).length === 0 ? null : wish.port_id;
  if (portId != null) await demandNoForwardings(context, id);
  const said: Said = { description: wish.description ?? before.description, qos_policy_id: wish.qos_policy_id === undefined ? before.qos_policy_id : await policyFor(context, id, wish.qos_policy_id) };
  if (portId === null) {
    if (wish.fixed_ip_address != null) throw bad('fixed_ip_address cannot be specified without a port_id');
    // One that leads its ports to several has no port of its own, and stays as it is.
    if (before.port_id === null) await describeFloatingIpRow(tx, id, said, now);
    else await updateFloatingIpRow(tx, id, { association: null, ...said }, now);
    await mark(tx, now, 'floating-ip', [id]);
  } else if (portId !== undefined || wish.fixed_ip_address !== undefined) {
    const onPort = portId ?? before.port_id;
    if (onPort === null) throw bad('fixed_ip_address cannot be specified without a port_id');
    await associate(context, before, { port_id: onPort, fixed_ip_address: wish.fixed_ip_address ?? null }, said);
  } else {
    await describeFloatingIpRow(tx, id, said, now);
    if (said.qos_policy_id !== before.qos_policy_id) await mark(tx, now, 'floating-ip', [id]);
  }
  const floatingIp = await getFloatingIp(context, id);
  if (floatingIp.port_id !== before.port_id || floatingIp.fixed_ip_address !== before.fixed_ip_address) await newsOfPorts(context, [before.port_id, floatingIp.port_id]);
  await tell(context, 'floatingip', 'update', floatingIp);
  return floatingIp;
}

export async function deleteFloatingIp(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const floatingIp = await lockedFloatingIp(context, id);
  await demandNoForwardings(context, id);
  await deleteFloatingIpRow(tx, floatingIp);
  await release(tx, floatingIp.project_id, { floatingip: 1 });
  await newsOfPorts(context, [floatingIp.port_id]);
  await mark(tx, now, 'floating-ip', [id]);
  await tell(context, 'floatingip', 'delete', floatingIp, { floating_ip_address: floatingIp.floating_ip_address });
}

async function lockedFloatingIp({ tx }: Context, id: string): Promise<FloatingIp> {
  return (await lockFloatingIp(tx, id)) ?? notThere(id);
}

function notThere(id: string): never {
  throw notFound(`Floating IP ${id} could not be found`, 'FloatingIPNotFound');
}

const bad = (reason: string) => badRequest(`Bad floatingip request: ${reason}.`, 'BadRequest');

/** Only IPv4 is translated, so it must be an IPv4 subnet of the network. */
async function externalAddress({ tx }: Context, wish: NewFloatingIpWish): Promise<FixedIpWish> {
  const all = (await subnetsOfNetwork(tx, wish.floating_network_id)).filter((subnet) => subnet.ip_version === 4);
  const subnets = wish.subnet_id == null ? openTo(all, 'network:floatingip') : all;
  if (subnets.length === 0) throw bad(`Network ${wish.floating_network_id} does not contain any IPv4 subnet`);
  if (wish.subnet_id != null && !subnets.some(({ id }) => id === wish.subnet_id)) throw bad(`Subnet ${wish.subnet_id} is not an IPv4 subnet of network ${wish.floating_network_id}`);
  if (wish.floating_ip_address != null) return { ip_address: wish.floating_ip_address, ...(wish.subnet_id == null ? {} : { subnet_id: wish.subnet_id }) };
  if (wish.subnet_id != null) return { subnet_id: wish.subnet_id };
  const roomy = await firstWithRoom(tx, wish.floating_network_id, subnets.map(({ id }) => id));
  if (roomy === undefined) throw conflict(`No more IP addresses available on network ${wish.floating_network_id}.`, 'IpAddressGenerationFailure');
  return { subnet_id: roomy };
}

async function policyFor(context: Context, floatingIpId: string, wanted: string | null): Promise<string | null> {
  if (wanted !== null) await usablePolicy(context, wanted, (type) => conflict(`Rule ${type} is not supported by floatingip ${floatingIpId}`, 'QosRuleNotSupported'));
  return wanted;
}

async function associate(context: Context, floatingIp: FloatingIp, wish: { port_id: string; fixed_ip_address: string | null }, { description, qos_policy_id }: Said): Promise<void> {
  const { tx, now, caller } = context;
  // One that may only be seen, as on a network of one's own, is refused like any that is another project's.
  const port = (await lockPort(tx, wish.port_id)) ?? (await findPort(tx, wish.port_id)) ?? portNotThere(wish.port_id);
  if (port.internal && !caller.isAdmin) portNotThere(wish.port_id);
  if (port.project_id !== floatingIp.project_id && !caller.isAdmin)
    throw bad(`Cannot process floating IP ${floatingIp.id} with port ${port.id}, since that port is owned by a different tenant`);
  const fixed = port.fixed_ips.filter((each) => !each.ip_address.includes(':'));
  const wanted = wish.fixed_ip_address === null ? undefined : canonicalAddress(wish.fixed_ip_address);
  if (wish.fixed_ip_address !== null && !fixed.some((each) => each.ip_address === wanted)) throw bad(`Port ${port.id} does not have fixed ip ${wish.fixed_ip_address}`);
  if (fixed.length === 0) throw bad(`Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`);
  if (wanted === undefined && fixed.length > 1) throw bad(`Port ${port.id} has multiple fixed IPv4 addresses.  Must provide a specific IPv4 address when assigning a floating IP`);
  const inside = fixed.find((each) => wanted === undefined || each.ip_address === wanted)!;

  const found = await routerBetween(tx, inside.subnet_id, floatingIp.floating_network_id);
  // Held, and looked for again: it may have lost its interface or gateway in between.
  const router = found === undefined ? undefined : await lockRouter(tx, found);
  if (!router || (await routerBetween(tx, inside.subnet_id, floatingIp.floating_network_id)) !== router.id)
    throw notFound(`External network ${floatingIp.floating_network_id} is not reachable from subnet ${inside.subnet_id}.  Therefore, cannot associate Port ${port.id} with a Floating IP.`, 'ExternalGatewayForFloatingIPNotFound');
  const association: Association = { port_id: port.id, fixed_ip_address: inside.ip_address, router_id: router.id };
  const other = await associatedWith(tx, floatingIp.floating_network_id, association);
  if (other && other.id !== floatingIp.id)
    throw conflict(
      `Cannot associate floating IP ${floatingIp.floating_ip_address} (${floatingIp.id}) with port ${port.id} using fixed IP ${inside.ip_address}, as that fixed IP already has a floating IP on external network ${floatingIp.floating_network_id}.`,
      'FloatingIPPortAlreadyAssociated',
    );
  await updateFloatingIpRow(tx, floatingIp.id, { association, description, qos_policy_id }, now);
  await mark(tx, now, 'floating-ip', [floatingIp.id]);
}
