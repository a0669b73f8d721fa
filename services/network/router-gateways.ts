/** A router's ways out: neutron/db/l3_db.py, l3_gwmode_db.py and l3_extra_gws_db.py. */
import { badRequest, conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { overlap, parseBlock } from './addresses.ts';
import { changeAddresses, takeAddresses, type FixedIpWish } from './fixed-ips.ts';
import { hasFloatingIpsOf } from './floating-ips.store.ts';
import { demandNoProxies } from './ndp-proxies.ts';
import { getNetwork } from './networks.ts';
import { getRow } from './noun.ts';
import { notAllowed } from './owners.ts';
import { deletePortRows, insertPort, lockPort } from './ports.store.ts';
import { qosPolicyNoun, usablePolicy } from './qos-policies.ts';
import { addressesOfRouter, findRouter, promoteGateway, putGatewayHosts, setProxying, updateRouterRow, type Router, type WayOut } from './routers.store.ts';
import { canonicalAddress } from './subnets.ts';
import { findSubnet } from './subnets.store.ts';

export type GatewayWish = { network_id?: string | null; enable_snat?: boolean; qos_policy_id?: string | null; external_fixed_ips?: FixedIpWish[] };
/** One of several. */
export type ExternalGatewayWish = GatewayWish & { network_id: string };

const owner = 'network:router_gateway';

export const waysOut = ({ gateway, extra_gateways: others }: Router): WayOut[] => (gateway ? [gateway, ...others] : []);

/** The one that a router had when it could have only one. An empty wish takes it away, and another of the router's comes in its place. */
export async function setGateway(context: Context, router: Router, wish: GatewayWish, rule: string): Promise<void> {
  const { tx, now } = context;
  const before = router.gateway;
  const networkId = wish.network_id ?? null;
  demandRights(context, router, wish, { rule, within: 'external_gateway_info', own: before ? [before] : [] });
  if (before && before.network_id !== networkId) {
    await demandUnneeded(context, router, before);
    await demandNoProxies(context, router.id);
    await setProxying(tx, router.id, false);
    await deletePortRows(tx, [before.port_id]);
  }
  if (networkId !== null && wish.qos_policy_id) await usablePolicy(context, wish.qos_policy_id, (type) => conflict(`Rule ${type} is not supported by router ${router.id}`, 'QosRuleNotSupported'));
  // A policy outlasts a change of the network, and not the way out: neutron/db/l3_gateway_ip_qos.py.
  const qos_policy_id = networkId === null ? null : wish.qos_policy_id === undefined ? router.qos_policy_id : wish.qos_policy_id;
  // As neutron has it, an operator's policy that the project does not see is not there to be taken off.
  if (router.qos_policy_id !== null && qos_policy_id !== router.qos_policy_id) await getRow(context, qosPolicyNoun, router.qos_policy_id);
  await updateRouterRow(tx, { ...router, qos_policy_id, enable_snat: networkId === null ? true : (wish.enable_snat ?? (before?.network_id === networkId ? router.enable_snat : true)) }, now);
  if (networkId === null) {
    const [next] = router.extra_gateways;
    if (next) await promoteGateway(tx, router.id, next);
    // Where it was is forgotten with it.
    else await putGatewayHosts(tx, router.id, null);
  } else if (before?.network_id !== networkId) await makeGateway(context, router, { network_id: networkId, ...(wish.external_fixed_ips ? { external_fixed_ips: wish.external_fixed_ips } : {}) }, 0);
  else if (wish.external_fixed_ips !== undefined) await changeAddresses(context, (await lockPort(tx, before.port_id))!, wish.external_fixed_ips);
}

export async function addGatewaysTo(context: Context, router: Router, wishes: readonly ExternalGatewayWish[], rule = 'add_external_gateways'): Promise<void> {
  let hasOne = router.gateway !== null;
  for (const wish of wishes) {
    demandRights(context, router, wish, { rule, within: 'external_gateways', own: waysOut(router) });
    if (hasOne) {
      const now = await again(context, router);
      demandOneWay(now, wish);
      await makeGateway(context, router, wish, 1 + (waysOut(now).at(-1)?.place ?? 0));
    } else await setGateway(context, router, wish, rule);
    hasOne = true;
  }
}

/** The first is the router's own from then on; those that are not among the wished go. */
export async function replaceGateways(context: Context, router: Router, wishes: readonly ExternalGatewayWish[]): Promise<void> {
  const { tx } = context;
  const rule = 'update_external_gateways';
  const [first, ...rest] = wishes;
  if (!first) return dropGateways(context, router, waysOut(router));
  for (const wish of wishes) demandRights(context, router, wish, { rule, within: 'external_gateways', own: waysOut(router) });
  const own = router.gateway && isMeant(router.gateway, first) ? router.gateway : matched(router, router.extra_gateways, first);
  if (own && own !== router.gateway) await promoteGateway(tx, router.id, own);
  await setGateway(context, await again(context, router), first, rule);

  const after = await again(context, router);
  const kept = new Set<string>();
  const missing: ExternalGatewayWish[] = [];
  for (const wish of rest) {
    const found = matched(after, after.extra_gateways.filter((each) => !kept.has(each.port_id)), wish);
    if (!found) missing.push(wish);
    else {
      demandOneWay(after, wish);
      kept.add(found.port_id);
      if (wish.external_fixed_ips?.length) await changeAddresses(context, (await lockPort(tx, found.port_id))!, wish.external_fixed_ips);
    }
  }
  await dropGateways(context, after, after.extra_gateways.filter((each) => !kept.has(each.port_id)));
  await addGatewaysTo(context, await again(context, router), missing, rule);
}

export async function removeGatewaysFrom(context: Context, router: Router, wishes: readonly ExternalGatewayWish[]): Promise<void> {
  if (wishes.length === 0) return;
  const there = waysOut(router);
  if (there.length === 0) throw badRequest(`Unable to remove extra gateways from a router ${router.id}`, 'UnableToRemoveGateways');
  const going: WayOut[] = [];
  for (const wish of wishes) going.push(matched(router, there.filter((each) => !going.includes(each)), wish) ?? unmatched(router));
  await dropGateways(context, router, going);
}

/** No router can tell two networks with the same addresses apart. */
export async function demandNoOverlap({ tx }: Pick<Context, 'tx'>, routerId: string, subnetIds: readonly string[]): Promise<void> {
  const inside = await addressesOfRouter(tx, routerId);
  const outside = waysOut((await findRouter(tx, routerId))!).flatMap(({ fixed_ips: fixed }) => fixed.map((each) => each.subnet_id));
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

const again = async ({ tx }: Pick<Context, 'tx'>, { id }: Router): Promise<Router> => (await findRouter(tx, id))!;

/** To a renter some of the outside's addresses belong, and he gives them out himself (docs/decisions/0007). */
function demandRights({ caller }: Context, router: Router, wish: GatewayWish, { rule, within, own }: { rule: string; within: string; own: readonly WayOut[] }): void {
  if (caller.isAdmin || caller.roles.has('renter')) return;
  if (wish.enable_snat !== undefined && (wish.enable_snat !== router.enable_snat || rule === 'create_router')) throw notAllowed(rule, `${within}:enable_snat`);
  const { external_fixed_ips: addresses } = wish;
  if (addresses !== undefined && !own.some((each) => JSON.stringify(addresses) === JSON.stringify(each.fixed_ips))) throw notAllowed(rule, `${within}:external_fixed_ips`);
}

/** Neutron takes the wish, and does nothing about it. */
function demandOneWay(router: Router, { enable_snat: wanted }: GatewayWish): void {
  if (wanted !== undefined && wanted !== router.enable_snat) throw bad('enable_snat is the same for all external gateways of a router');
}

async function makeGateway(context: Context, router: Router, wish: ExternalGatewayWish, place: number): Promise<void> {
  const { tx, random } = context;
  const { network_id: networkId } = wish;
  const network = await getNetwork(context, networkId);
  if (!network.external) throw bad(`Network ${networkId} is not an external network`);
  // The cloud's own port: it is not the project's, and what its network's owner sees of it is only that it is there.
  const id = random.uuid();
  await insertPort(
    tx,
    { id, project_id: router.project_id, internal: true, network_id: networkId, device_id: router.id, device_owner: owner, router_id: router.id, gateway_place: place, port_security_enabled: false },
    context,
  );
  const taken = await takeAddresses(context, { id, network_id: networkId, device_owner: owner }, wish.external_fixed_ips);
  await demandNoOverlap(context, router.id, [...new Set(taken.map((fixed) => fixed.subnet_id))]);
}

/** The router's own last, so that another can come in its place. */
async function dropGateways(context: Context, router: Router, going: readonly WayOut[]): Promise<void> {
  const extras = going.filter((each) => each !== router.gateway);
  for (const each of extras) await demandUnneeded(context, { ...router, extra_gateways: router.extra_gateways.filter((other) => other === each || !extras.includes(other)) }, each);
  await deletePortRows(context.tx, extras.map(({ port_id: id }) => id));
  if (router.gateway && going.includes(router.gateway)) await setGateway(context, await again(context, router), {}, 'remove_external_gateways');
}

/** Floating addresses stay as long as the router reaches their network. */
async function demandUnneeded({ tx }: Context, router: Router, going: WayOut): Promise<void> {
  const others = waysOut(router).filter((each) => each.port_id !== going.port_id && each.network_id === going.network_id);
  if (others.length === 0 && (await hasFloatingIpsOf(tx, router.id, going.network_id)))
    throw conflict(`Gateway cannot be updated for router ${router.id}, since a gateway to external network ${going.network_id} is required by one or more floating IPs.`, 'RouterExternalGatewayInUseByFloatingIp');
}

/** Which of them is meant: the one on that network, or of several there the one that has an address of those that are named. */
function matched(router: Router, among: readonly WayOut[], wish: ExternalGatewayWish): WayOut | undefined {
  const there = among.filter((each) => each.network_id === wish.network_id);
  if (wish.external_fixed_ips?.length) return there.find((each) => isMeant(each, wish));
  if (there.length > 1) unmatched(router);
  return there[0];
}

function isMeant(gateway: WayOut, { network_id: networkId, external_fixed_ips: wanted = [] }: ExternalGatewayWish): boolean {
  const addresses = wanted.flatMap(({ ip_address: text }) => (text === undefined ? [] : [canonicalAddress(text)]));
  return gateway.network_id === networkId && (wanted.length === 0 || gateway.fixed_ips.some((fixed) => addresses.includes(fixed.ip_address)));
}

function unmatched({ id }: Router): never {
  throw badRequest(`Unable to match a requested gateway port to existing gateway ports for router ${id}`, 'UnableToMatchGateways');
}

const bad = (reason: string) => badRequest(`Bad router request: ${reason}.`, 'BadRequest');
