import { badRequest, conflict, notFound, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { checkedZones, isElsewhere } from './agents.ts';
import { mark, tell } from './changes.ts';
import { domainName } from './dns-names.ts';
import { deleteFloatingIpRow, unusedFloatingIps } from './floating-ips.store.ts';
import { byBoolean, byNumber, byText, byTextOrNothing, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { deleteNetworkRow, findNetwork, insertNetwork, lockNetwork, selectNetworks, updateNetworkRow, type Network } from './networks.store.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { dropServicePort } from './service-ports.ts';
import { namedPorts, portsInUse, portsOnNetwork } from './ports.store.ts';
import { defaultQosPolicy, demandRemovable, markOutsideOf, usablePolicy } from './qos-policies.ts';
import { claim, release } from './quotas.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import { allowedMtu, demandMtuFor, largestMtu, movedTo, placesOf, takePlace, type Place, type PlaceWish } from './places.ts';
import { deleteSegments, moveSegment, onlySegment } from './segments.store.ts';
import { shareWithAll, stopSharing } from './sharing.ts';
import { markRoutersOfNetwork } from './routers.store.ts';
import { deleteSubnetRows, subnetsOfNetwork } from './subnets.store.ts';

export type { Network } from './networks.store.ts';

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
  vlan_transparent?: boolean;
  'router:external'?: boolean;
  is_default?: boolean;
  qos_policy_id?: string | null;
  segments?: PlaceWish[];
} & PlaceWish;

const ofPlaces = ['provider:network_type', 'provider:physical_network', 'provider:segmentation_id', 'segments'];
const adminOnly = ['shared', 'router:external', 'is_default', ...ofPlaces];

export const networkListing: Listing = {
  withoutMarker: networkNotThere,
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
    vlan_transparent: byBoolean(sql`r.vlan_transparent`),
    'router:external': byBoolean(sql`(r.external_to <> '{}')`),
    is_default: byBoolean(sql`r.is_default`),
    qos_policy_id: byTextOrNothing(sql`r.qos_policy_id`),
    'provider:network_type': byText(onlySegment(sql`s.network_type`)),
    'provider:physical_network': byTextOrNothing(onlySegment(sql`s.physical_network`)),
    'provider:segmentation_id': byTextOrNothing(onlySegment(sql`s.segmentation_id::text`)),
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
  const places = await placesOf(context, wish);
  if (wish.vlan_transparent) await demandTransparency(context, places);
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
      mtu: allowedMtu(wish.mtu, largestMtu(places)),
      port_security_enabled: wish.port_security_enabled ?? true,
      vlan_transparent: wish.vlan_transparent ?? false,
      dns_domain: domainName(wish.dns_domain ?? ''),
      availability_zone_hints: await checkedZones(context, wish.availability_zone_hints ?? []),
      qos_policy_id: await policyFor(context, id, wish.qos_policy_id, () => defaultQosPolicy(tx, projectId)),
    },
    now,
  );
  for (const place of places) await takePlace(context, { id, project_id: projectId }, place);
  await shareWithAll(context, { kind: 'network', id, project_id: projectId }, { access_as_shared: wish.shared, access_as_external: wish['router:external'] });
  const network = await getNetwork(context, id);
  await mark(tx, now, 'network', [id]);
  await tell(context, 'network', 'create', network, { name: network.name });
  return network;
}

async function policyFor(context: Context, networkId: string, wanted: string | null | undefined, otherwise: () => string | null | Promise<string | null>): Promise<string | null> {
  if (wanted === undefined) return otherwise();
  if (wanted !== null) await usablePolicy(context, wanted, (type) => conflict(`Rule ${type} is not supported by network ${networkId}`, 'QosRuleNotSupportedByNetwork'));
  return wanted;
}

/** As neutron's OVN driver: of a network in one place, which is no whole physical network; and a partner is not asked for it. */
async function demandTransparency(context: Context, places: readonly Place[]): Promise<void> {
  const [only, ...others] = places;
  const isFlat = only?.physical_network != null && only.segmentation_id === null;
  if (others.length > 0 || isFlat || (await isElsewhere(context))) throw badRequest('Backend does not support VLAN Transparency.', 'VlanTransparencyDriverError');
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
    mtu: wish.mtu === undefined ? before.mtu : allowedMtu(wish.mtu, largestMtu(before.places)),
    port_security_enabled: wish.port_security_enabled ?? before.port_security_enabled,
    dns_domain: wish.dns_domain === undefined ? before.dns_domain : domainName(wish.dns_domain),
    qos_policy_id: await policyFor(context, id, wish.qos_policy_id, () => before.qos_policy_id),
  };
  if (wish.qos_policy_id !== undefined) await demandRemovable(context, before.qos_policy_id);
  if (wish.mtu !== undefined) demandMtuFor({ id, mtu: Number(wish.mtu) }, (await subnetsOfNetwork(tx, id)).map(({ ip_version: version }) => version));
  const vlan = await movedTo(context, before.places, wish);
  if (vlan !== undefined) await moveSegment(tx, id, vlan, now);
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
  await deleteSegments(tx, { networkId: id });
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
