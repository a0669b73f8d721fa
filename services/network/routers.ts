import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { formatAddress, formatBlock, holds, parseAddress, parseBlock } from './addresses.ts';
import { checkedZones, listZones } from './agents.ts';
import { mark, tell } from './changes.ts';
import { takeThis } from './fixed-ips.ts';
import { demandProviderOf } from './flavors.ts';
import { hasFloatingIps } from './floating-ips.store.ts';
import { byBoolean, byText, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { demandNoProxiesInside, demandProxying } from './ndp-proxies.ts';
import { getNetwork } from './networks.ts';
import { demandAdmin, ownerOf } from './owners.ts';
import { dropPorts, lockedPort, type Port } from './ports.ts';
import { forwardingsThrough } from './port-forwardings.store.ts';
import { deletePortRows, findPort, insertPort, lockPort, updatePortRow } from './ports.store.ts';
import { claim, release } from './quotas.ts';
import { addGatewaysTo, demandNoOverlap, removeGatewaysFrom, replaceGateways, setGateway, waysOut, type ExternalGatewayWish, type GatewayWish } from './router-gateways.ts';
import { addressesOfRouter, deleteRouterRow, findRouter, insertRouter, lockRouter, setProxying, touchRouter, updateRouterRow, type Route, type Router } from './routers.store.ts';
import { getSubnet } from './subnets.ts';
import { findSubnet } from './subnets.store.ts';

export type { Router } from './routers.store.ts';

export type RouterWish = { name?: string; description?: string; admin_state_up?: boolean; external_gateway_info?: GatewayWish | null; routes?: Route[] | null; enable_ndp_proxy?: boolean | null } & { [option in (typeof adminOnly)[number]]?: boolean | null };
export type NewRouterWish = RouterWish & { project_id?: string; tenant_id?: string; availability_zone_hints?: string[]; flavor_id?: string | null };

export type InterfaceWish = { subnet_id?: string; port_id?: string };
export type Interface = { id: string; project_id: string; port_id: string; network_id: string; subnet_id: string; subnet_ids: string[] };

const interfaceOwner = 'network:router_interface';
const mostRoutes = 30;
const adminOnly = ['ha', 'enable_default_route_ecmp', 'enable_default_route_bfd'] as const;

export const routerListing: Listing = {
  withoutMarker: routerNotThere,
  collection: 'routers',
  table: sql`network.router`,
  filters: { ...standardFilters(), ...tagFilters, name: byText(sql`r.name`), admin_state_up: byBoolean(sql`r.admin_state_up`), status: byText(sql`r.status`), enable_snat: byBoolean(sql`r.enable_snat`), enable_ndp_proxy: byBoolean(sql`r.enable_ndp_proxy`) },
  sorts: { ...standardSorts, name: sql`r.name`, admin_state_up: sql`r.admin_state_up`, status: sql`r.status`, enable_snat: sql`r.enable_snat`, flavor_id: sql`coalesce(r.flavor_id, '')` },
};

export async function getRouter({ tx }: Pick<Context, 'tx'>, id: string): Promise<Router> {
  return (await findRouter(tx, id)) ?? routerNotThere(id);
}

export async function createRouter(context: Context, wish: NewRouterWish): Promise<Router> {
  const { tx, now, random } = context;
  const projectId = ownerOf(context, wish);
  demandAdmin(context, 'create_router', wish, adminOnly);
  const hints = await checkedZones(context, wish.availability_zone_hints ?? []);
  if (wish.flavor_id !== undefined) await demandProviderOf(context, String(wish.flavor_id));
  await claim(tx, projectId, { router: 1 });
  const id = random.uuid();
  await insertRouter(tx, { id, project_id: projectId, name: wish.name ?? '', description: wish.description ?? '', admin_state_up: wish.admin_state_up ?? true, ha: wish.ha ?? true, availability_zone_hints: hints, flavor_id: wish.flavor_id ?? null, enable_default_route_ecmp: wish.enable_default_route_ecmp ?? false, enable_default_route_bfd: wish.enable_default_route_bfd ?? false }, now);
  if (wish.external_gateway_info) await setGateway(context, await lockedRouter(context, id), wish.external_gateway_info, 'create_router');
  await proxying(context, id, wish.enable_ndp_proxy);
  await mark(tx, now, 'router', [id]);
  const router = await getRouter(context, id);
  await tell(context, 'router', 'create', router, { name: router.name });
  return router;
}

export async function updateRouter(context: Context, id: string, wish: RouterWish): Promise<Router> {
  const { tx, now } = context;
  let router = await lockedRouter(context, id);
  demandAdmin(context, 'update_router', wish, adminOnly);
  if (wish.external_gateway_info !== undefined) {
    await setGateway(context, router, wish.external_gateway_info ?? {}, 'update_router');
    router = await getRouter(context, id);
  }
  const routes = wish.routes === undefined ? router.routes : await checkedRoutes(context, router, wish.routes ?? []);
  const { name = router.name, description = router.description, admin_state_up = router.admin_state_up } = wish;
  const options = { ha: wish.ha ?? router.ha, enable_default_route_ecmp: wish.enable_default_route_ecmp ?? router.enable_default_route_ecmp, enable_default_route_bfd: wish.enable_default_route_bfd ?? router.enable_default_route_bfd };
  await updateRouterRow(tx, { ...router, name, description, admin_state_up, ...options, routes }, now);
  await proxying(context, id, wish.enable_ndp_proxy);
  return changed(context, id);
}

export async function addRoutes(context: Context, id: string, more: Route[]): Promise<Router> {
  const router = await lockedRouter(context, id);
  const fresh = more.filter((route) => !router.routes.some((each) => isSame(each, route)));
  return updateRouter(context, id, { routes: [...router.routes, ...fresh] });
}

export async function removeRoutes(context: Context, id: string, gone: Route[]): Promise<Router> {
  const router = await lockedRouter(context, id);
  return updateRouter(context, id, { routes: router.routes.filter((each) => !gone.some((route) => isSame(each, route))) });
}

export async function addGateways(context: Context, id: string, wishes: ExternalGatewayWish[] | undefined): Promise<Router> {
  const router = await lockedRouter(context, id);
  if (wishes === undefined) return router;
  await addGatewaysTo(context, router, wishes);
  return rerouted(context, id);
}

export async function updateGateways(context: Context, id: string, wishes: ExternalGatewayWish[] | undefined): Promise<Router> {
  const router = await lockedRouter(context, id);
  if (wishes === undefined) return router;
  await replaceGateways(context, router, wishes);
  return rerouted(context, id);
}

export async function removeGateways(context: Context, id: string, wishes: ExternalGatewayWish[] | undefined): Promise<Router> {
  const router = await lockedRouter(context, id);
  if (wishes === undefined) return router;
  await removeGatewaysFrom(context, router, wishes);
  return rerouted(context, id);
}

export async function deleteRouter(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const router = await lockedRouter(context, id);
  if ((await addressesOfRouter(tx, id)).length > 0) throw conflict(`Router ${id} still has ports`, 'RouterInUse');
  if (await hasFloatingIps(tx, id)) throw conflict(`Router ${id} still has floating IPs`, 'RouterInUse');
  await deletePortRows(tx, waysOut(router).map(({ port_id: gateway }) => gateway));
  await deleteRouterRow(tx, id);
  await release(tx, router.project_id, { router: 1 });
  await mark(tx, now, 'router', [id]);
  await tell(context, 'router', 'delete', router, { name: router.name });
}

export async function addInterface(context: Context, id: string, wish: InterfaceWish): Promise<Interface> {
  const { tx, now } = context;
  const router = await lockedRouter(context, id);
  if ((wish.subnet_id === undefined) === (wish.port_id === undefined))
    throw badRequest(wish.subnet_id === undefined ? 'Bad router request: Either subnet_id or port_id must be specified.' : 'Bad router request: Cannot specify both subnet-id and port-id.', 'BadRequest');
  const portId = wish.subnet_id === undefined ? await plugPort(context, router, wish.port_id!) : await plugSubnet(context, router, wish.subnet_id);
  await touchRouter(tx, id, now);
  await mark(tx, now, 'router', [id]);
  await mark(tx, now, 'port-forwarding', await forwardingsThrough(tx, id));
  await tell(context, 'router', 'update', router);
  return asInterface(router, (await findPort(tx, portId))!);
}

export async function removeInterface(context: Context, id: string, wish: InterfaceWish): Promise<Interface> {
  const { tx, now } = context;
  const router = await lockedRouter(context, id);
  if (wish.subnet_id === undefined && wish.port_id === undefined) throw badRequest('Bad router request: Either subnet_id or port_id must be specified.', 'BadRequest');
  const addresses = await addressesOfRouter(tx, id);
  const found = addresses.find((each) => (wish.port_id === undefined || each.port_id === wish.port_id) && (wish.subnet_id === undefined || each.subnet_id === wish.subnet_id));
  if (!found) throw interfaceNotThere(id, wish);
  const going = addresses.filter((each) => each.port_id === found.port_id);
  for (const { subnet_id: subnetId, cidr } of going) {
    if (await hasFloatingIps(tx, id, subnetId))
      throw conflict(`Router interface for subnet ${subnetId} on router ${id} cannot be deleted, as it is required by one or more floating IPs.`, 'RouterInterfaceInUseByFloatingIP');
    await demandNoProxiesInside(context, id, subnetId);
    if (router.routes.some((route) => holds(parseBlock(cidr)!, parseAddress(route.nexthop)!)))
      throw conflict(`Router interface for subnet ${subnetId} on router ${id} cannot be deleted, as it is required by one or more routes.`, 'RouterInterfaceInUseByRoute');
  }
  const port = (await lockPort(tx, found.port_id))!;
  await dropPorts(context, [port]);
  await touchRouter(tx, id, now);
  await mark(tx, now, 'router', [id]);
  await mark(tx, now, 'port-forwarding', await forwardingsThrough(tx, id));
  await tell(context, 'router', 'update', router);
  return asInterface(router, port);
}

/** In which zones each may be, as far as it reaches the outside: those that were wished for, or all. */
export async function zonesOfRouters(context: Context, routers: readonly Router[]): Promise<(router: Router) => string[]> {
  const free = routers.some((router) => router.gateway && router.availability_zone_hints.length === 0);
  const all = free ? (await listZones(context)).filter(({ resource }) => resource === 'router').map(({ name }) => name) : [];
  return (router) => (router.gateway === null ? [] : router.availability_zone_hints.length > 0 ? router.availability_zone_hints : all);
}

export async function lockedRouter({ tx }: Context, id: string): Promise<Router> {
  return (await lockRouter(tx, id)) ?? routerNotThere(id);
}

function routerNotThere(id: string): never {
  throw notFound(`Router ${id} could not be found`, 'RouterNotFound');
}

function interfaceNotThere(routerId: string, wish: InterfaceWish) {
  return wish.port_id === undefined
    ? notFound(`Router ${routerId} has no interface on subnet ${wish.subnet_id}`, 'RouterInterfaceNotFoundForSubnet')
    : notFound(`Router ${routerId} does not have an interface with id ${wish.port_id}`, 'RouterInterfaceNotFound');
}

const bad = (reason: string) => badRequest(`Bad router request: ${reason}.`, 'BadRequest');

async function rerouted(context: Context, id: string): Promise<Router> {
  await touchRouter(context.tx, id, context.now);
  return changed(context, id);
}

async function proxying(context: Context, id: string, wanted: boolean | null | undefined): Promise<void> {
  if (typeof wanted !== 'boolean') return;
  if (wanted) await demandProxying(context, await getRouter(context, id));
  await setProxying(context.tx, id, wanted);
}

async function changed(context: Context, id: string): Promise<Router> {
  await mark(context.tx, context.now, 'router', [id]);
  const router = await getRouter(context, id);
  await tell(context, 'router', 'update', router);
  return router;
}

async function plugSubnet(context: Context, router: Router, subnetId: string): Promise<string> {
  const { tx, random, caller } = context;
  const subnet = await getSubnet(context, subnetId);
  const network = await getNetwork(context, subnet.network_id);
  // Its gateway's address is not everyone's to take (ATTACKS 31).
  if (network.project_id !== router.project_id && !caller.isAdmin) throw notFound(`Subnet ${subnetId} could not be found.`, 'SubnetNotFound');
  if (subnet.gateway_ip === null) throw bad('Subnet for router interface must have a gateway IP');
  await demandNoOverlap(context, router.id, [subnetId]);
  await claim(tx, router.project_id, { port: 1 });
  const id = random.uuid();
  await insertPort(
    tx,
    { id, project_id: router.project_id, network_id: network.id, device_id: router.id, device_owner: interfaceOwner, router_id: router.id, port_security_enabled: false },
    context,
  );
  await takeThis(context, { id, network_id: network.id }, subnetId, subnet.gateway_ip);
  await tell(context, 'port', 'create', { id, project_id: router.project_id }, { network_id: network.id, device_id: router.id });
  return id;
}

async function plugPort(context: Context, router: Router, portId: string): Promise<string> {
  const { tx, now, caller } = context;
  const port = await lockedPort(context, portId);
  if (port.project_id !== router.project_id && !caller.isAdmin) throw notFound(`Port ${portId} could not be found.`, 'PortNotFound');
  if (port.device_id !== '' || port.device_owner !== '')
    throw conflict(`Unable to complete operation on port ${portId} for network ${port.network_id}. Port already has an attached device ${port.device_id}.`, 'PortInUse');
  if (port.fixed_ips.length === 0) throw bad('Router port must have at least one fixed IP');
  const subnets = await Promise.all(port.fixed_ips.map((fixed) => findSubnet(tx, fixed.subnet_id)));
  if (subnets.filter((subnet) => subnet?.ip_version === 4).length > 1) throw bad('Cannot have multiple IPv4 subnets on router port');
  await demandNoOverlap(context, router.id, port.fixed_ips.map((fixed) => fixed.subnet_id));
  await updatePortRow(tx, { ...port, device_id: router.id, device_owner: interfaceOwner, router_id: router.id }, now);
  await mark(tx, now, 'port', [portId]);
  await tell(context, 'port', 'update', port, { network_id: port.network_id, device_id: router.id });
  return portId;
}

async function checkedRoutes({ tx }: Context, router: Router, routes: Route[]): Promise<Route[]> {
  const refuse = (reason: string) => badRequest(`Invalid format for routes: ${routes.map((route) => `${route.destination} via ${route.nexthop}`).join(', ')}, ${reason}`, 'InvalidRoutes');
  if (routes.length > mostRoutes) throw badRequest(`Unable to complete operation for ${router.id}. The number of routes exceeds the maximum ${mostRoutes}.`, 'RoutesExhausted');
  const inside = await addressesOfRouter(tx, router.id);
  const ownOutside = waysOut(router).flatMap(({ fixed_ips: fixed }) => fixed);
  const outside = await Promise.all(ownOutside.map((fixed) => findSubnet(tx, fixed.subnet_id)));
  const blocks = [...inside.map(({ cidr }) => cidr), ...outside.flatMap((subnet) => (subnet ? [subnet.cidr] : []))].map((cidr) => parseBlock(cidr)!);
  const own = new Set([...inside.map(({ address }) => address), ...ownOutside.map((fixed) => fixed.ip_address)]);
  const parsed = routes.map((route) => {
    const destination = parseBlock(route.destination);
    const nexthop = parseAddress(route.nexthop);
    if (!destination) throw badRequest(`Invalid input for routes. Reason: '${route.destination}' is not a valid IP subnet.`, 'HTTPBadRequest');
    if (!nexthop) throw badRequest(`Invalid input for routes. Reason: '${route.nexthop}' is not a valid IP address.`, 'HTTPBadRequest');
    if (!blocks.some((block) => holds(block, nexthop))) throw refuse('the nexthop is not connected with router');
    if (own.has(formatAddress(nexthop))) throw refuse('the nexthop is used by router');
    return { destination: formatBlock(destination), nexthop: formatAddress(nexthop) };
  });
  if (new Set(parsed.map((route) => JSON.stringify(route))).size < parsed.length) throw badRequest('Invalid input for routes. Reason: Duplicate hostroute.', 'HTTPBadRequest');
  return parsed;
}

function isSame(one: Route, other: Route): boolean {
  const key = ({ destination, nexthop }: Route) => {
    const block = parseBlock(destination);
    const hop = parseAddress(nexthop);
    return `${block ? formatBlock(block) : destination} ${hop ? formatAddress(hop) : nexthop}`;
  };
  return key(one) === key(other);
}

function asInterface(router: Router, port: Port): Interface {
  const subnetIds = port.fixed_ips.map((fixed) => fixed.subnet_id);
  return { id: router.id, project_id: router.project_id, port_id: port.id, network_id: port.network_id, subnet_id: subnetIds[0] ?? '', subnet_ids: subnetIds };
}
