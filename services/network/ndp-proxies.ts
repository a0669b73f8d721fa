/** IPv6 addresses behind a router for which it answers neighbours outside: neutron/services/ndp_proxy/plugin.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { parseAddress } from './addresses.ts';
import { isElsewhere } from './agents.ts';
import { mark, tell, type Change } from './changes.ts';
import { byText, standardFilters, standardSorts, type Listing } from './listing.ts';
import { deleteProxiesTo, hasProxies, isProxied, proxyColumns, proxyTable, scopeOfNetwork, type NdpProxy } from './ndp-proxies.store.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { findPort } from './ports.store.ts';
import { addressesOfRouter, lockRouter, type Router } from './routers.store.ts';
import { canonicalAddress } from './subnets.ts';

export type { NdpProxy } from './ndp-proxies.store.ts';
export type ProxyWish = { project_id?: string; tenant_id?: string; name?: string; description?: string; router_id: string; port_id: string; ip_address?: string | null };

export const proxyNoun: Noun<NdpProxy> = {
  resource: 'ndp_proxy',
  table: proxyTable,
  columns: proxyColumns,
  notThere: (id) => notFound(`Ndp proxy ${id} could not be found.`, 'NDPProxyNotFound'),
};

export const proxyListing: Listing = {
  collection: 'ndp_proxies',
  table: proxyTable,
  filters: { ...standardFilters(), name: byText(sql`r.name`), router_id: byText(sql`r.router_id`), port_id: byText(sql`r.port_id`), ip_address: byText(sql`host(r.ip_address)`) },
  sorts: { ...standardSorts, name: sql`r.name`, router_id: sql`r.router_id`, port_id: sql`r.port_id`, ip_address: sql`r.ip_address` },
};

export async function createProxy(context: Context, wish: ProxyWish): Promise<NdpProxy> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  const { router_id, port_id } = wish;
  const router = await lockRouter(tx, router_id);
  if (!router) throw notFound(`Router ${router_id} could not be found`, 'RouterNotFound');
  const port = await findPort(tx, port_id);
  // The address of a port is told outside: whoever only sees the port, as it is on his network, may not.
  if (!port || (port.project_id !== router.project_id && !context.caller.isAdmin)) throw notFound(`Port ${port_id} could not be found.`, 'PortNotFound');
  const inside = (await addressesOfRouter(tx, router_id)).filter((each) => each.address.includes(':')).map((each) => each.subnet_id);
  if (!router.enable_ndp_proxy || router.gateway === null) throw conflict(`The enable_ndp_proxy parameter of router ${router_id} must be set as True while create ndp proxy entry on it.`, 'RouterNDPProxyNotEnable');
  const ip_address = addressOf(router, port_id, port.fixed_ips.filter((fixed) => fixed.ip_address.includes(':')), wish.ip_address ?? null, inside);
  const [outer, inner] = [await scopeOfNetwork(tx, router.gateway.network_id), await scopeOfNetwork(tx, port.network_id)];
  if (outer !== inner) throw conflict(`The IPv6 address scope ${outer} of external network conflict with internal network's IPv6 address scope ${inner}.`, 'AddressScopeConflict');
  if (await isProxied(tx, router_id, ip_address)) throw conflict(`Router ${router_id} has an ndp proxy of address ${ip_address} already.`, 'NeutronDbObjectDuplicateEntry');
  const id = random.uuid();
  await insertRow(tx, proxyNoun, { id, project_id, name: wish.name ?? '', description: wish.description ?? '', router_id, port_id, ip_address, created_at: now, updated_at: now });
  await mark(tx, now, 'router', [router_id]);
  const proxy = await getRow(context, proxyNoun, id);
  await tell(context, 'ndp_proxy', 'create', proxy, { name: proxy.name });
  return proxy;
}

export async function updateProxy(context: Context, id: string, { name, description }: { name?: string; description?: string }): Promise<NdpProxy> {
  const before = await lockedRow(context, proxyNoun, id, 'update');
  await updateRow(context.tx, proxyNoun, id, { name, description, revision_number: before.revision_number + 1, updated_at: context.now });
  const proxy = await getRow(context, proxyNoun, id);
  await tell(context, 'ndp_proxy', 'update', proxy);
  return proxy;
}

export async function deleteProxy(context: Context, id: string): Promise<void> {
  const proxy = await lockedRow(context, proxyNoun, id, 'delete');
  await deleteRow(context.tx, proxyNoun, id);
  await gone(context, [proxy]);
}

/** Of a port that goes, or loses these addresses. */
export async function dropProxiesTo(context: Change, portId: string, addresses: readonly string[]): Promise<void> {
  await gone(context, await deleteProxiesTo(context.tx, portId, addresses));
}

/** Before a router loses its way out. */
export async function demandNoProxies({ tx }: Pick<Context, 'tx'>, routerId: string): Promise<void> {
  if (await hasProxies(tx, routerId)) throw conflict(`Unable to unset external gateway of router ${routerId}, There are one or more ndp proxies still in use on the router.`, 'RouterGatewayInUseByNDPProxy');
}

/** Before a router loses its foot on a subnet. */
export async function demandNoProxiesInside({ tx }: Pick<Context, 'tx'>, routerId: string, subnetId: string): Promise<void> {
  if (await hasProxies(tx, routerId, subnetId)) throw conflict(`Unable to remove subnet ${subnetId} from router ${routerId}, There are one or more ndp proxies still in use on the subnet.`, 'RouterInterfaceInUseByNDPProxy');
}

/** Outside, its neighbours must take what is inside for their own. */
export async function demandProxying(context: Pick<Context, 'tx' | 'now'>, { id, gateway }: Pick<Router, 'id' | 'gateway'>): Promise<void> {
  const { tx } = context;
  if (await isElsewhere(context)) throw conflict(`Can not enable ndp proxy on router ${id}, This region is a cloud of a partner, which is not asked to.`, 'RouterGatewayNotValid');
  const isReady = gateway !== null && gateway.fixed_ips.some((fixed) => fixed.ip_address.includes(':')) && (await scopeOfNetwork(tx, gateway.network_id)) !== null;
  if (!isReady) throw conflict(`Can not enable ndp proxy on router ${id}, The router has no external gateway or the external gateway port has no IPv6 address or IPv6 address scope.`, 'RouterGatewayNotValid');
}

function addressOf(router: Router, portId: string, fixed: readonly { subnet_id: string; ip_address: string }[], wanted: string | null, inside: readonly string[]): string {
  if (fixed.length === 0) throw badRequest(`Bad ndp_proxy request: Requested port ${portId} must allocate one IPv6 address at least.`, 'BadRequest');
  if (wanted === null) {
    const found = fixed.find((each) => inside.includes(each.subnet_id));
    if (!found) throw conflict(`The port ${portId} cannot reach the router ${router.id} by IPv6 subnet.`, 'PortUnreachableRouter');
    return found.ip_address;
  }
  const invalid = (reason: string) => badRequest(`The address ${wanted} is invalid, reason: ${reason}.`, 'InvalidAddress');
  if (!parseAddress(wanted)) throw badRequest(`Invalid input for ip_address. Reason: '${wanted}' is not a valid IP address.`, 'HTTPBadRequest');
  const found = fixed.find((each) => each.ip_address === canonicalAddress(wanted));
  if (!found) throw invalid(`This address not belong to the port ${portId}`);
  if (!inside.includes(found.subnet_id)) throw invalid(`This address cannot reach the router ${router.id}`);
  return found.ip_address;
}

async function gone(context: Change, proxies: readonly Pick<NdpProxy, 'id' | 'project_id' | 'router_id'>[]): Promise<void> {
  await mark(context.tx, context.now, 'router', [...new Set(proxies.map((proxy) => proxy.router_id))]);
  for (const proxy of proxies) await tell(context, 'ndp_proxy', 'delete', proxy);
}
