/** On which hosts a port is, or will be when its server has moved there: neutron/plugins/ml2/plugin.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { listHosts } from '../placement/hosts.ts';
import { mark, tell } from './changes.ts';
import { byText, type Listing } from './listing.ts';
import { otherBindings, putOtherBindings, selectBindings, type OtherBinding, type PortBinding } from './port-bindings.store.ts';
import { getPort, lockedPort, type Port } from './ports.ts';
import { setPortStatus, updatePortRow } from './ports.store.ts';
import { moveSubports } from './trunks.store.ts';

export type { PortBinding } from './port-bindings.store.ts';

type BindingWish = { host?: string; profile?: Record<string, unknown> | null };

/** Those of one port. */
export function bindingListing(portId: string): Listing {
  return {
    collection: 'bindings',
    table: sql`(select * from network.port_binding where port_id = ${portId})`,
    filters: { host: byText(sql`r.host`), vif_type: byText(sql`r.vif_type`), vnic_type: byText(sql`r.vnic_type`), status: byText(sql`r.status`) },
    sorts: { host: sql`r.host`, vif_type: sql`r.vif_type`, vnic_type: sql`r.vnic_type`, status: sql`r.status` },
  };
}

export async function portWithBindings(context: Context, portId: string): Promise<Port> {
  return demandCompute(await getPort(context, portId));
}

export async function getBinding(context: Context, portId: string, name: string): Promise<PortBinding> {
  await portWithBindings(context, portId);
  const host = await hostNamed(context, name);
  const [found] = await selectBindings(context.tx, portId, sql`r.host = ${host ?? name}`);
  return found ?? bindingNotThere(portId, name);
}

export async function createBinding(context: Context, portId: string, wish: BindingWish & { host: string }): Promise<PortBinding> {
  const { port, others } = await held(context, portId);
  const host = await freeHost(context, port, others, wish.host);
  return put(context, port, [...others, { host, vnic_type: 'normal', profile: wish.profile ?? {}, bound: true }], host);
}

export async function updateBinding(context: Context, portId: string, name: string, wish: BindingWish): Promise<PortBinding> {
  const { port, others } = await held(context, portId);
  const host = (await hostNamed(context, name)) ?? name;
  const other = others.find((each) => each.host === host);
  if (!other && port.host_id !== host) bindingNotThere(portId, name);
  const to = wish.host === undefined || wish.host === name || wish.host === host ? host : await freeHost(context, port, others, wish.host);
  const profileOf = (before: Record<string, unknown>) => (wish.profile === undefined ? before : (wish.profile ?? {}));
  if (!other) return move(context, port, { host: to, profile: profileOf(port.profile) }, others);
  const after: OtherBinding = { ...other, host: to, profile: profileOf(other.profile), bound: other.bound || to !== host };
  return put(context, port, others.map((each) => (each === other ? after : each)), to);
}

/** What was in force stays beside it, to be taken away when nothing is there any more. */
export async function activateBinding(context: Context, portId: string, name: string): Promise<PortBinding> {
  const { port, others } = await held(context, portId);
  const host = (await hostNamed(context, name)) ?? name;
  if (port.host_id === host) throw conflict(`Binding for port ${portId} on host ${name} is already active.`, 'PortBindingAlreadyActive');
  const next = others.find((each) => each.host === host) ?? bindingNotThere(portId, name);
  const before: OtherBinding[] = port.host_id === '' ? [] : [{ host: port.host_id, vnic_type: port.vnic_type, profile: port.profile, bound: false }];
  return move(context, port, next, [...others.filter((each) => each !== next), ...before]);
}

export async function deleteBinding(context: Context, portId: string, name: string): Promise<void> {
  const { port, others } = await held(context, portId);
  const host = (await hostNamed(context, name)) ?? name;
  const left = others.filter((each) => each.host !== host);
  if (left.length < others.length) {
    await putOtherBindings(context.tx, portId, left);
    await changed(context, port);
  } else if (port.host_id === host) await bind(context, port, { host: '', profile: {} }, others);
  else bindingNotThere(portId, name);
}

async function held(context: Context, portId: string): Promise<{ port: Port; others: OtherBinding[] }> {
  const port = demandCompute(await lockedPort(context, portId));
  return { port, others: await otherBindings(context.tx, portId) };
}

async function put(context: Context, port: Port, others: OtherBinding[], host: string): Promise<PortBinding> {
  await putOtherBindings(context.tx, port.id, others);
  await changed(context, port);
  return getBinding(context, port.id, host);
}

async function move(context: Context, port: Port, to: Pick<OtherBinding, 'host' | 'profile'>, others: OtherBinding[]): Promise<PortBinding> {
  await bind(context, port, to, others);
  return getBinding(context, port.id, to.host);
}

async function bind(context: Context, port: Port, { host, profile }: Pick<OtherBinding, 'host' | 'profile'>, others: OtherBinding[]): Promise<void> {
  const { tx, now } = context;
  await updatePortRow(tx, { ...port, host_id: host, profile }, now);
  await putOtherBindings(tx, port.id, others);
  if (host !== port.host_id) {
    await setPortStatus(tx, port.id, 'DOWN');
    if (port.trunk_details) await mark(tx, now, 'port', await moveSubports(tx, port.id, host));
  }
  await changed(context, port);
}

async function changed(context: Context, port: Port): Promise<void> {
  await mark(context.tx, context.now, 'port', [port.id]);
  await tell(context, 'port', 'update', port, { network_id: port.network_id, device_id: port.device_id });
}

function demandCompute(port: Port): Port {
  if (!/^(compute|manila):/.test(port.device_owner)) throw badRequest(`Bad port request: Invalid port ${port.id}. Operation only valid on compute and shared filesystem ports.`, 'BadRequest');
  return port;
}

/** Also by its name, which compute shows it by. */
async function hostNamed({ tx }: Context, name: string): Promise<string | undefined> {
  return (await listHosts(tx)).find(({ id, hostname }) => id === name || hostname === name)?.id;
}

/** One that does not report cannot be bound to. */
async function freeHost(context: Context, port: Port, others: readonly OtherBinding[], name: string): Promise<string> {
  const host = await hostNamed(context, name);
  if (host === undefined) throw conflict(`Binding for port ${port.id} on host ${name} could not be created or updated.`, 'PortBindingError');
  if (port.host_id === host || others.some((each) => each.host === host)) throw conflict(`Binding for port ${port.id} on host ${name} already exists.`, 'PortBindingAlreadyExists');
  return host;
}

function bindingNotThere(portId: string, host: string): never {
  throw notFound(`Binding for port ${portId} for host ${host} could not be found.`, 'PortBindingNotFound');
}
