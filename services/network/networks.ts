import { badRequest, conflict, Fault, notFound, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { checkedZones } from './agents.ts';
import { mark, tell } from './changes.ts';
import { domainName } from './dns-names.ts';
import { deleteFloatingIpRow, unusedFloatingIps } from './floating-ips.store.ts';
import { byBoolean, byNumber, byText, byTextOrNothing, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { deleteNetworkRow, findNetwork, insertNetwork, isPlaceTaken, isTunnelTaken, lockNetwork, selectNetworks, updateNetworkRow, type Network } from './networks.store.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { dropServicePort } from './service-ports.ts';
import { namedPorts, portsInUse, portsOnNetwork } from './ports.store.ts';
import { defaultQosPolicy, markOutsideOf, usablePolicy } from './qos-policies.ts';
import { claim, release } from './quotas.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { lastTunnel, lastVlan } from './segment-ranges.ts';
import { networkType } from './segments.store.ts';
import { shareWithAll, stopSharing } from './sharing.ts';
import { markRoutersOfNetwork } from './routers.store.ts';
import { deleteSubnetRows } from './subnets.store.ts';

export type { Network } from './networks.store.ts';

/** OVN's tunnels take 58 bytes of 1500 (Geneve over IPv4): neutron/plugins/ml2/drivers/type_geneve.py. */
export const tunnelMtu = 1442;
const physicalMtu = 1500;

export type NetworkWish = {
  project_id?: string;
  tenant_id?: string;
  name?: string;
  description?: string;
  admin_state_up?: boolean;
  shared?: boolean;
  mtu?: number | string;
  dns_domain?: string;
  availability_zone_hints?: string[];
  port_security_enabled?: boolean;
  'router:external'?: boolean;
  is_default?: boolean;
  qos_policy_id?: string | null;
  'provider:network_type'?: string | null;
  'provider:physical_network'?: string | null;
  'provider:segmentation_id'?: number | string | null;
};

const adminOnly = ['shared', 'router:external', 'is_default', 'provider:network_type', 'provider:physical_network', 'provider:segmentation_id'];

export const networkListing: Listing = {
  collection: 'networks',
  table: sql`network.network`,
  filters: {
    ...standardFilters(),
    ...tagFilters,
    name: byText(sql`r.name`),
    admin_state_up: byBoolean(sql`r.admin_state_up`),
    status: (values) => sql`'ACTIVE' = any(${values}::text[])`,
    shared: byBoolean(sharedWithReader(sql`r.shared_with`)),
    mtu: byNumber(sql`r.mtu`),
    port_security_enabled: byBoolean(sql`r.port_security_enabled`),
    'router:external': byBoolean(sql`(r.external_to <> '{}')`),
    is_default: byBoolean(sql`r.is_default`),
    qos_policy_id: byTextOrNothing(sql`r.qos_policy_id`),
    'provider:network_type': byText(networkType),
    'provider:physical_network': byTextOrNothing(sql`r.physical_network`),
    'provider:segmentation_id': byTextOrNothing(sql`r.segmentation_id::text`),
    subnets: (values) => sql`exists (select from network.subnet s where s.network_id = r.id and s.id = any(${values}::text[]))`,
  },
  adminOnly: ['provider:network_type', 'provider:physical_network', 'provider:segmentation_id'],
  sorts: { ...standardSorts, name: sql`r.name`, admin_state_up: sql`r.admin_state_up`, shared: sql`r.shared_with`, mtu: sql`r.mtu` },
};

export async function getNetwork({ tx }: Pick<Context, 'tx'>, id: string): Promise<Network> {
  return (await findNetwork(tx, id)) ?? networkNotThere(id);
}

export async function createNetwork(context: Context, wish: NetworkWish): Promise<Network> {
  const { tx, now, random } = context;
  demandAdmin(context, 'create_network', wish, adminOnly);
  const projectId = ownerOf(context, wish);
  const { physicalNetwork, number } = await placeOf(context, wish);
  const largest = physicalNetwork === null ? tunnelMtu : physicalMtu;
  await claim(tx, projectId, { network: 1 });
  const id = random.uuid();
  await demandNoOtherDefault(context, wish.is_default, id);
  await insertNetwork(
    tx,
    {
      id,
      project_id: projectId,
      name: wish.name ?? '',
      description: wish.description ?? '',
      admin_state_up: wish.admin_state_up ?? true,
      is_default: wish.is_default ?? false,
      mtu: allowedMtu(wish.mtu, largest),
      port_security_enabled: wish.port_security_enabled ?? true,
      physical_network: physicalNetwork,
      segmentation_id: number,
      segment_id: random.uuid(),
      dns_domain: domainName(wish.dns_domain ?? ''),
      availability_zone_hints: await checkedZones(context, wish.availability_zone_hints ?? []),
      qos_policy_id: await policyFor(context, id, wish.qos_policy_id, () => defaultQosPolicy(tx, projectId)),
    },
    now,
  );
  await shareWithAll(context, { kind: 'network', id, project_id: projectId }, { access_as_shared: wish.shared, access_as_external: wish['router:external'] });
  const network = await getNetwork(context, id);
  if (number === 'any' && network.segmentation_id === null) throw new Fault(503, 'NoNetworkAvailable', 'Unable to create the network. No tenant network is available for allocation.');
  await mark(tx, now, 'network', [id]);
  await tell(context, 'network', 'create', network, { name: network.name });
  return network;
}

async function policyFor(context: Context, networkId: string, wanted: string | null | undefined, otherwise: () => string | null | Promise<string | null>): Promise<string | null> {
  if (wanted === undefined) return otherwise();
  if (wanted !== null) await usablePolicy(context, wanted, (type) => conflict(`Rule ${type} is not supported by network ${networkId}`, 'QosRuleNotSupportedByNetwork'));
  return wanted;
}

/** neutron/services/auto_allocate/db.py: of several, nobody would know which. */
async function demandNoOtherDefault({ tx }: Context, isDefault: boolean | undefined, id: string): Promise<void> {
  if (!isDefault) return;
  const [other] = await selectNetworks(tx, sql`r.is_default and r.external_to <> '{}' and r.id <> ${id}`);
  if (other) throw conflict(`A default external network already exists: ${other.id}.`, 'DefaultExternalNetworkExists');
}

export async function updateNetwork(context: Context, id: string, wish: NetworkWish): Promise<Network> {
  const { tx, now } = context;
  const before = await lockedNetwork(context, id, 'update_network');
  demandAdmin(context, 'update_network', wish, adminOnly);
  await demandNoOtherDefault(context, wish.is_default, id);
  const after: Network = {
    ...before,
    name: wish.name ?? before.name,
    description: wish.description ?? before.description,
    admin_state_up: wish.admin_state_up ?? before.admin_state_up,
    is_default: wish.is_default ?? before.is_default,
    mtu: wish.mtu === undefined ? before.mtu : allowedMtu(wish.mtu, before.physical_network === null ? tunnelMtu : physicalMtu),
    port_security_enabled: wish.port_security_enabled ?? before.port_security_enabled,
    dns_domain: wish.dns_domain === undefined ? before.dns_domain : domainName(wish.dns_domain),
    qos_policy_id: await policyFor(context, id, wish.qos_policy_id, () => before.qos_policy_id),
  };
  await updateNetworkRow(tx, after, now);
  if (after.dns_domain !== before.dns_domain) await mark(tx, now, 'port', await namedPorts(tx, id));
  if (after.qos_policy_id !== before.qos_policy_id) {
    await mark(tx, now, 'port', await portsOnNetwork(tx, id));
    await markOutsideOf(context, id);
  }
  await shareWithAll(context, { kind: 'network', id, project_id: before.project_id }, { access_as_shared: wish.shared, access_as_external: wish['router:external'] });
  await mark(tx, now, 'network', [id]);
  // Routers announce it.
  if (after.mtu !== before.mtu) await markRoutersOfNetwork(tx, id, now);
  const network = await getNetwork(context, id);
  await tell(context, 'network', 'update', network);
  return network;
}

export async function deleteNetwork(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const network = await lockedNetwork(context, id, 'delete_network');
  await dropUnusedFloatingIps(context, id);
  const ports = await portsInUse(tx, id);
  if (ports.length > 0)
    throw conflict(`Unable to complete operation on network ${id}. There are one or more ports still in use on the network, id for these ports is: ${ports.join(',')}.`, 'NetworkInUse');
  await dropServicePort(context, id);
  const subnets = await deleteSubnetRows(tx, { networkId: id });
  for (const subnet of subnets) {
    await release(tx, subnet.project_id, { subnet: 1 });
    await tell(context, 'subnet', 'delete', subnet);
  }
  await deleteNetworkRow(tx, id);
  await stopSharing(context, id);
  await release(tx, network.project_id, { network: 1 });
  await mark(tx, now, 'network', [id]);
  await tell(context, 'network', 'delete', network, { name: network.name });
}

/** Addresses that lead nowhere go with what they are of: neutron/db/l3_db.py, delete_disassociated_floatingips. */
async function dropUnusedFloatingIps(context: Context, networkId: string): Promise<void> {
  const { tx, now } = context;
  for (const floatingIp of await unusedFloatingIps(tx, networkId)) {
    await deleteFloatingIpRow(tx, floatingIp);
    await release(tx, floatingIp.project_id, { floatingip: 1 });
    await mark(tx, now, 'floating-ip', [floatingIp.id]);
    await tell(context, 'floatingip', 'delete', floatingIp, { floating_ip_address: floatingIp.floating_ip_address });
  }
}

/** The network, held until the end of the transaction: whoever may only see it is refused. */
export async function lockedNetwork(context: Context, id: string, rule: string): Promise<Network> {
  const locked = await lockNetwork(context.tx, id);
  if (locked) return locked;
  await getNetwork(context, id);
  throw forbidden(`rule:${rule} is disallowed by policy`, 'PolicyNotAuthorized');
}

export function networkNotThere(id: string): never {
  throw notFound(`Network ${id} could not be found.`, 'NetworkNotFound');
}

async function placeOf({ tx }: Context, wish: NetworkWish): Promise<{ physicalNetwork: string | null; number: number | 'any' | null }> {
  const invalid = (reason: string) => badRequest(`Invalid input for operation: ${reason}.`, 'InvalidInput');
  const type = wish['provider:network_type'] ?? null;
  const physical = wish['provider:physical_network'] ?? null;
  if (type === null && physical !== null) throw invalid('network_type required');
  if (type === null || type === 'geneve') {
    if (physical !== null) throw invalid('provider:physical_network specified for geneve network');
    const tunnel = wish['provider:segmentation_id'] == null ? 'any' : Number(wish['provider:segmentation_id']);
    if (tunnel !== 'any' && type === null) throw invalid('network_type required');
    if (tunnel !== 'any' && (tunnel < 1 || tunnel > lastTunnel)) throw invalid(`segmentation_id out of range (1 through ${lastTunnel})`);
    if (tunnel !== 'any' && (await isTunnelTaken(tx, tunnel))) throw conflict(`Unable to create the network. The tunnel ID ${tunnel} is in use.`, 'TunnelIdInUse');
    return { physicalNetwork: null, number: tunnel };
  }
  if (type !== 'flat' && type !== 'vlan') throw invalid(`network_type value '${type}' not supported`);
  if (physical === null) throw invalid(`physical_network required for ${type} provider network`);
  const given = wish['provider:segmentation_id'] ?? null;
  const vlan = given === null ? null : Number(given);
  if (type === 'flat' && vlan !== null) throw invalid('segmentation_id specified for flat provider network');
  if (type === 'vlan' && vlan === null) return { physicalNetwork: physical, number: 'any' };
  if (vlan !== null && (vlan < 1 || vlan > lastVlan)) throw invalid(`segmentation_id out of range (1 through ${lastVlan})`);
  if (await isPlaceTaken(tx, physical, vlan))
    throw vlan === null
      ? conflict(`Unable to create the flat network. Physical network ${physical} is in use.`, 'FlatNetworkInUse')
      : conflict(`Unable to create the network. The VLAN ${vlan} on physical network ${physical} is in use.`, 'VlanIdInUse');
  return { physicalNetwork: physical, number: vlan };
}

/** 0 and nothing ask for the largest. */
function allowedMtu(given: number | string | undefined, largest: number): number {
  const wanted = Number(given ?? 0);
  if (wanted === 0) return largest;
  if (wanted < 68) throw badRequest(`Invalid input for operation: Requested MTU is too small, minimum is 68.`, 'InvalidInput');
  if (wanted > largest) throw badRequest(`Invalid input for operation: Requested MTU is too big, maximum is ${largest}.`, 'InvalidInput');
  return wanted;
}
