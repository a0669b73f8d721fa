/** Ports of a floating address that lead to others behind a router: neutron/services/portforwarding/pf_plugin.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { mark, tell, type Change } from './changes.ts';
import { associatedPort, findFloatingIp, lockFloatingIp, type FloatingIp } from './floating-ips.store.ts';
import { byText, type Listing } from './listing.ts';
import { lockedPort } from './ports.ts';
import { collidingWith, deleteForwardingRow, deleteForwardingsTo, findForwarding, hasForwardings, leadThrough, putForwarding, type PortForwarding, type Ports } from './port-forwardings.store.ts';
import { lockRouter, routerBetween } from './routers.store.ts';
import { canonicalAddress } from './subnets.ts';

export type { PortForwarding, Ports } from './port-forwardings.store.ts';

type SocketPort = number | string | null;

export type PortForwardingWish = {
  protocol?: string;
  internal_port_id?: string;
  internal_ip_address?: string;
  internal_port?: SocketPort;
  internal_port_range?: string | null;
  external_port?: SocketPort;
  external_port_range?: string | null;
  description?: string;
};

/** Each port of a range is one more entry in the engine, wherever it is. */
const longestRange = 1000;

export const portForwardingListing: Listing = {
  collection: 'port_forwardings',
  table: sql`network.port_forwarding`,
  filters: {
    id: byText(sql`r.id`),
    protocol: (values) => byText(sql`r.protocol`)(values.map((value) => value.toLowerCase())),
    internal_port_id: byText(sql`r.internal_port_id`),
    external_port: (values) => sql`upper(r.external_ports) - lower(r.external_ports) = 1 and lower(r.external_ports)::text = any(${values}::text[])`,
    external_port_range: byText(sql`(lower(r.external_ports) || ':' || upper(r.external_ports) - 1)`),
    description: byText(sql`r.description`),
  },
  sorts: { id: sql`r.id`, protocol: sql`r.protocol`, internal_port_id: sql`r.internal_port_id`, external_port: sql`lower(r.external_ports)`, external_port_range: sql`lower(r.external_ports)` },
};

export async function getForwarding({ tx }: Pick<Context, 'tx'>, floatingIpId: string, id: string): Promise<PortForwarding> {
  demandFloatingIp(await findFloatingIp(tx, floatingIpId), floatingIpId);
  return (await findForwarding(tx, floatingIpId, id)) ?? forwardingNotThere(id);
}

export async function createForwarding(context: Context, floatingIpId: string, wish: PortForwardingWish): Promise<PortForwarding> {
  const { tx, random } = context;
  const floatingIp = demandFloatingIp(await lockFloatingIp(tx, floatingIpId), floatingIpId);
  const [external, internal] = [portsOf(wish, 'external'), portsOf(wish, 'internal')];
  if (!external || !internal) throw bad(`Required attribute '${external ? 'internal' : 'external'}_port' not specified`);
  const made: PortForwarding = {
    id: random.uuid(), project_id: floatingIp.project_id, floating_ip_id: floatingIpId, internal_port_id: wish.internal_port_id!, internal_ip_address: wish.internal_ip_address!, protocol: protocolOf(wish.protocol!),
    external, internal, description: wish.description ?? '',
  };
  return put(context, floatingIp, made);
}

export async function updateForwarding(context: Context, floatingIpId: string, id: string, wish: PortForwardingWish): Promise<PortForwarding> {
  const floatingIp = demandFloatingIp(await lockFloatingIp(context.tx, floatingIpId), floatingIpId);
  const before = (await findForwarding(context.tx, floatingIpId, id)) ?? forwardingNotThere(id);
  return put(context, floatingIp, {
    ...before,
    internal_port_id: wish.internal_port_id ?? before.internal_port_id,
    internal_ip_address: wish.internal_ip_address ?? before.internal_ip_address,
    protocol: wish.protocol === undefined ? before.protocol : protocolOf(wish.protocol),
    external: portsOf(wish, 'external') ?? before.external,
    internal: portsOf(wish, 'internal') ?? before.internal,
    description: wish.description ?? before.description,
  });
}

export async function deleteForwarding(context: Context, floatingIpId: string, id: string): Promise<void> {
  const { tx } = context;
  const floatingIp = demandFloatingIp(await lockFloatingIp(tx, floatingIpId), floatingIpId);
  if (!(await findForwarding(tx, floatingIpId, id))) forwardingNotThere(id);
  await deleteForwardingRow(tx, id);
  await gone(context, [{ id, project_id: floatingIp.project_id, floating_ip_id: floatingIpId }]);
}

/** What leads to an address that its port loses. */
export async function dropForwardingsTo(context: Change, portId: string, addresses: readonly string[]): Promise<void> {
  await gone(context, await deleteForwardingsTo(context.tx, portId, addresses));
}

/** As Neutron refuses what would take the address away from its forwardings. */
export async function demandNoForwardings({ tx }: Pick<Context, 'tx'>, floatingIpId: string): Promise<void> {
  if (await hasForwardings(tx, floatingIpId)) throw conflict(`Floating IP ${floatingIpId} in use by Port Forwarding resources.`, 'FipInUseByPortForwarding');
}

async function gone(context: Change, forwardings: readonly { id: string; project_id: string; floating_ip_id: string }[]): Promise<void> {
  const { tx, now } = context;
  await mark(tx, now, 'port-forwarding', forwardings.map(({ id }) => id));
  for (const floatingIpId of new Set(forwardings.map((each) => each.floating_ip_id))) {
    if (!(await hasForwardings(tx, floatingIpId))) {
      await leadThrough(tx, floatingIpId, null, now);
      await mark(tx, now, 'floating-ip', [floatingIpId]);
    }
    const { project_id } = forwardings.find((each) => each.floating_ip_id === floatingIpId)!;
    await tell(context, 'floatingip', 'update', { id: floatingIpId, project_id });
  }
}

async function put(context: Context, floatingIp: FloatingIp, wish: PortForwarding): Promise<PortForwarding> {
  const { tx, now } = context;
  demandPossible(wish);
  const port = await lockedPort(context, wish.internal_port_id);
  if (port.project_id !== floatingIp.project_id && !context.caller.isAdmin) throw notFound(`Port ${port.id} could not be found.`, 'PortNotFound');
  const address = canonicalAddress(wish.internal_ip_address);
  const fixed = port.fixed_ips.filter((each) => !each.ip_address.includes(':'));
  if (fixed.length === 0) throw bad(`Requested internal port ${port.id} must allocate an IPv4 address at least.`);
  const inside = fixed.find((each) => each.ip_address === address);
  if (!inside) throw bad(`Requested internal IP address ${wish.internal_ip_address} is not suitable for internal neutron port ${port.id}, as its fixed_ips are ${fixed.map((each) => each.ip_address).join(', ')}`);
  const bound = await associatedPort(tx, port.id);
  if (bound)
    throw conflict(
      `Cannot create port forwarding to floating IP ${bound.floating_ip_address} (${bound.id}) with port ${port.id} using fixed IP ${inside.ip_address}, as that port already has a binding floating IP.`,
      'PortHasBindingFloatingIP',
    );
  if (floatingIp.port_id !== null)
    throw conflict(
      `Cannot associate floating IP ${floatingIp.floating_ip_address} (${floatingIp.id}) with port ${port.id} using fixed IP ${inside.ip_address}, as that fixed IP already has a floating IP on external network ${floatingIp.floating_network_id}.`,
      'FloatingIPPortAlreadyAssociated',
    );
  const routerId = await routerFor(context, floatingIp, port.id, inside.subnet_id);
  const forwarding = { ...wish, internal_ip_address: inside.ip_address };
  const [other] = await collidingWith(tx, forwarding);
  if (other) {
    const key = other.floating_ip_id === floatingIp.id && overlaps(other.external, wish.external) ? 'external' : 'internal';
    throw bad(`There is a port collision with the ${key}_port_range. The following ranges collide: ${written(other[key])} and ${written(wish[key])}`);
  }
  await putForwarding(tx, forwarding, now);
  await leadThrough(tx, floatingIp.id, routerId, now);
  await mark(tx, now, 'port-forwarding', [wish.id]);
  // Its policy bounds them too.
  if (floatingIp.router_id !== routerId) await mark(tx, now, 'floating-ip', [floatingIp.id]);
  await tell(context, 'floatingip', 'update', floatingIp);
  return forwarding;
}

/** All forwardings of an address go through one router. */
async function routerFor({ tx }: Context, floatingIp: FloatingIp, portId: string, subnetId: string): Promise<string> {
  const found = await routerBetween(tx, subnetId, floatingIp.floating_network_id);
  const router = found === undefined ? undefined : await lockRouter(tx, found);
  // Held, and looked for again: it may have lost its interface or gateway in between.
  if (!router || (await routerBetween(tx, subnetId, floatingIp.floating_network_id)) !== router.id)
    throw bad(`External network ${floatingIp.floating_network_id} is not reachable from subnet ${subnetId}. Cannot set Port forwarding for port ${portId} with Floating IP ${floatingIp.id}`);
  if (floatingIp.router_id !== null && floatingIp.router_id !== router.id)
    throw bad(`The Floating IP ${floatingIp.id} had been set on router ${floatingIp.router_id}, the internal Neutron port ${portId} can not reach it`);
  return router.id;
}

function demandPossible({ internal, external }: PortForwarding): void {
  const [inside, outside] = [internal.last - internal.first, external.last - external.first];
  if (inside > 0 && inside !== outside) throw bad('Invalid ranges of internal and/or external ports. The relation between internal and external ports must be N-N or 1-N');
  if (outside >= longestRange) throw bad(`A range of more than ${longestRange} ports cannot be forwarded`);
}

/** Undefined when the wish says nothing of them. */
function portsOf(wish: PortForwardingWish, side: 'internal' | 'external'): Ports | undefined {
  const said = wish[`${side}_port_range`] ?? wish[`${side}_port`] ?? undefined;
  if (said === undefined) return undefined;
  const [first, last = first] = String(said).split(':').map(Number) as [number, number?];
  if (first < 1 || last > 65535) throw bad('Invalid port value, the port value must be a value between 1 and 65535.');
  if (first > last) throw badRequest(`Invalid input for ${side}_port_range. Reason: First port in a port range must be lower than the second port.`, 'HTTPBadRequest');
  return { first, last };
}

const overlaps = (one: Ports, other: Ports) => one.first <= other.last && other.first <= one.last;

export const written = ({ first, last }: Ports) => `${first}:${last}`;

function protocolOf(text: string): PortForwarding['protocol'] {
  const named = { tcp: 'tcp', 6: 'tcp', udp: 'udp', 17: 'udp' } as const;
  const name = text.toLowerCase();
  // Neutron takes others too, which OVN's load balancers do not know.
  if (!Object.hasOwn(named, name)) throw badRequest(`Invalid input for protocol. Reason: '${text}' is not in ['tcp', 'udp'].`, 'HTTPBadRequest');
  return named[name as keyof typeof named];
}

const bad = (reason: string) => badRequest(`Bad port_forwarding request: ${reason}.`, 'BadRequest');

function demandFloatingIp(found: FloatingIp | undefined, id: string): FloatingIp {
  if (!found) throw notFound(`Floating IP ${id} could not be found`, 'FloatingIPNotFound');
  return found;
}

function forwardingNotThere(id: string): never {
  throw notFound(`Port Forwarding ${id} could not be found.`, 'PortForwardingNotFound');
}
