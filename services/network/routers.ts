import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { formatAddress, formatBlock, holds, overlap, parseAddress, parseBlock } from './addresses.ts';
import { mark, tell } from './changes.ts';
import { changeAddresses, takeAddresses, takeThis, type FixedIpWish } from './fixed-ips.ts';
import { hasFloatingIps } from './floating-ips.store.ts';
import { byBoolean, byText, standardFilters, standardSorts, tagFilters, type Listing } from './listing.ts';
import { getNetwork } from './networks.ts';
import { notAllowed, ownerOf } from './owners.ts';
import { dropPorts, lockedPort, type Port } from './ports.ts';
import { deletePortRows, findPort, insertPort, lockPort, updatePortRow } from './ports.store.ts';
import { claim, release } from './quotas.ts';
import { addressesOfRouter, deleteRouterRow, findRouter, insertRouter, lockRouter, touchRouter, updateRouterRow, type Route, type Router } from './routers.store.ts';
import { getSubnet } from './subnets.ts';
import { findSubnet } from './subnets.store.ts';

export type { Router } from './routers.store.ts';

export type GatewayWish = { network_id?: string | null; enable_snat?: boolean; external_fixed_ips?: FixedIpWish[] };

export type RouterWish = { name?: string; description?: string; admin_state_up?: boolean; external_gateway_info?: GatewayWish | null; routes?: Route[] | null };

export type InterfaceWish = { subnet_id?: string; port_id?: string };
export type Interface = { id: string; project_id: string; port_id: string; network_id: string; subnet_id: string; subnet_ids: string[] };

const gatewayOwner = 'network:router_gateway';
const interfaceOwner = 'network:router_interface';
const mostRoutes = 30;

export const routerListing: Listing = {
  collection: 'routers',
  table: sql`network.router`,
  filters: { ...standardFilters(), ...tagFilters, name: byText(sql`r.name`), admin_state_up: byBoolean(sql`r.admin_state_up`), status: byText(sql`r.status`) },
  sorts: { ...standardSorts, name: sql`r.name`, admin_state_up: sql`r.admin_state_up`, status: sql`r.status` },
};

export async function getRouter({ tx }: Pick<Context, 'tx'>, id: string): Promise<Router> {
  return (await findRouter(tx, id)) ?? routerNotThere(id);
}

export async function createRouter(context: Context, wish: RouterWish & { project_id?: string; tenant_id?: string }): Promise<Router> {
  const { tx, now, random } = context;
  const projectId = ownerOf(context, wish);
  await claim(tx, projectId, { router: 1 });
  const id = random.uuid();
  await insertRouter(tx, { id, project_id: projectId, name: wish.name ?? '', description: wish.description ?? '', admin_state_up: wish.admin_state_up ?? true }, now);
  if (wish.external_gateway_info) await setGateway(context, await lockedRouter(context, id), wish.external_gateway_info, 'create_router');
  await mark(tx, now, 'router', [id]);
  const router = await getRouter(context, id);
  await tell(context, 'router', 'create', router, { name: router.name });
  return router;
}

export async function updateRouter(context: Context, id: string, wish: RouterWish): Promise<Router> {
  const { tx, now } = context;
  let router = await lockedRouter(context, id);
  if (wish.external_gateway_info !== undefined) {
    await setGateway(context, router, wish.external_gateway_info ?? {}, 'update_router');
    router = await getRouter(context, id);
  }
  const routes = wish.routes === undefined ? router.routes : await checkedRoutes(context, router, wish.routes ?? []);
  const { name = router.name, description = router.description, admin_state_up = router.admin_state_up } = wish;
  await updateRouterRow(tx, { id, name, description, admin_state_up, enable_snat: router.enable_snat, routes }, now);
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

export async function deleteRouter(context: Context, id: string): Promise<void> {
  const { tx, now } = context;
  const router = await lockedRouter(context, id);
  if ((await addressesOfRouter(tx, id)).length > 0) throw conflict(`Router ${id} still has ports`, 'RouterInUse');
  if (await hasFloatingIps(tx, id)) throw conflict(`Router ${id} still has floating IPs`, 'RouterInUse');
  if (router.gateway) await deletePortRows(tx, [router.gateway.port_id]);
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
    if (router.routes.some((route) => holds(parseBlock(cidr)!, parseAddress(route.nexthop)!)))
      throw conflict(`Router interface for subnet ${subnetId} on router ${id} cannot be deleted, as it is required by one or more routes.`, 'RouterInterfaceInUseByRoute');
  }
  const port = (await lockPort(tx, found.port_id))!;
  await dropPorts(context, [port]);
  await touchRouter(tx, id, now);
  await mark(tx, now, 'router', [id]);
  await tell(context, 'router', 'update', router);
  return asInterface(router, port);
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

async function changed(context: Context, id: string): Promise<Router> {
  await mark(context.tx, context.now, 'router', [id]);
  const router = await getRouter(context, id);
  await tell(context, 'router', 'update', router);
  return router;
}

/** An empty wish takes the gateway away. */
async function setGateway(context: Context, router: Router, wish: GatewayWish, rule: string): Promise<void> {
  const { tx, now, random, caller } = context;
  const before = router.gateway;
  const networkId = wish.network_id ?? null;
  if (!caller.isAdmin) {
    if (wish.enable_snat !== undefined && (wish.enable_snat !== router.enable_snat || rule === 'create_router')) throw notAllowed(rule, 'external_gateway_info:enable_snat');
    if (wish.external_fixed_ips !== undefined && JSON.stringify(wish.external_fixed_ips) !== JSON.stringify(before?.fixed_ips)) throw notAllowed(rule, 'external_gateway_info:external_fixed_ips');
  }
  if (before && before.network_id !== networkId) {
    if (await hasFloatingIps(tx, router.id))
      throw conflict(`Gateway cannot be updated for router ${router.id}, since a gateway to external network ${before.network_id} is required by one or more floating IPs.`, 'RouterExternalGatewayInUseByFloatingIp');
    await deletePortRows(tx, [before.port_id]);
  }
  await updateRouterRow(tx, { ...router, enable_snat: networkId === null ? true : (wish.enable_snat ?? (before?.network_id === networkId ? router.enable_snat : true)) }, now);
  if (networkId === null) return;
  if (before?.network_id === networkId) {
    if (wish.external_fixed_ips !== undefined) await changeAddresses(context, (await lockPort(tx, before.port_id))!, wish.external_fixed_ips);
    return;
  }
  const network = await getNetwork(context, networkId);
  if (!network.external) throw bad(`Network ${networkId} is not an external network`);
  // The cloud's own port: it is not the project's, and what its network's owner sees of it is only that it is there.
  const portId = random.uuid();
  await insertPort(
    tx,
    { id: portId, project_id: router.project_id, internal: true, network_id: networkId, device_id: router.id, device_owner: gatewayOwner, router_id: router.id, port_security_enabled: false },
    context,
  );
  const port = { id: portId, network_id: networkId };
  await takeAddresses(context, port, wish.external_fixed_ips);
  const gateway = (await getRouter(context, router.id)).gateway!;
  await demandNoOverlap(context, router.id, gateway.fixed_ips.map((fixed) => fixed.subnet_id));
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

/** No router can tell two networks with the same addresses apart. */
async function demandNoOverlap(context: Context, routerId: string, subnetIds: readonly string[]): Promise<void> {
  const { tx } = context;
  const inside = await addressesOfRouter(tx, routerId);
  const { gateway } = await getRouter(context, routerId);
  const outside = (gateway?.fixed_ips ?? []).map((fixed) => fixed.subnet_id);
  const there = [...new Set([...inside.map((each) => each.subnet_id), ...outside.filter((id) => !subnetIds.includes(id))])];
  for (const subnetId of subnetIds) {
    const subnet = await findSubnet(tx, subnetId);
    if (!subnet) continue;
    for (const otherId of there) {
      if (otherId === subnetId) throw bad(`Router already has a port on subnet ${subnetId}`);
      const other = await findSubnet(tx, otherId);
      if (other && overlap(parseBlock(subnet.cidr)!, parseBlock(other.cidr)!))
        throw bad(`Cidr ${subnet.cidr} of subnet ${subnetId} overlaps with cidr ${other.cidr} of subnet ${otherId}`);
    }
  }
}

async function checkedRoutes({ tx }: Context, router: Router, routes: Route[]): Promise<Route[]> {
  const refuse = (reason: string) => badRequest(`Invalid format for routes: ${routes.map((route) => `${route.destination} via ${route.nexthop}`).join(', ')}, ${reason}`, 'InvalidRoutes');
  if (routes.length > mostRoutes) throw badRequest(`Unable to complete operation for ${router.id}. The number of routes exceeds the maximum ${mostRoutes}.`, 'RoutesExhausted');
  const inside = await addressesOfRouter(tx, router.id);
  const outside = await Promise.all((router.gateway?.fixed_ips ?? []).map((fixed) => findSubnet(tx, fixed.subnet_id)));
  const blocks = [...inside.map(({ cidr }) => cidr), ...outside.flatMap((subnet) => (subnet ? [subnet.cidr] : []))].map((cidr) => parseBlock(cidr)!);
  const own = new Set([...inside.map(({ address }) => address), ...(router.gateway?.fixed_ips ?? []).map((fixed) => fixed.ip_address)]);
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
