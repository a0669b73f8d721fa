/** Floating IPs that lead to servers. nova/api/openstack/compute/floating_ips.py, FloatingIPActionController */
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { updateFloatingIp, type FloatingIp } from '../network/floating-ips.ts';
import { floatingIpByAddress } from '../network/project-networking.ts';
import { changeServer, lockServer } from './server-changes.ts';
import { refreshServer } from './server-refresh.ts';
import { demandUnlocked } from './server-states.ts';
import { orderedPorts } from './server-view.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

/** To its first address, or to the one that is named. */
export async function addFloatingIp(compute: Compute, context: Context, id: string, address: string, fixedAddress: string | null): Promise<void> {
  const { server, floatingIp } = await both(context, id, address);
  const ports = (await orderedPorts(context, [id])).get(id) ?? [];
  const fixed = ports.flatMap(({ portId, addresses }) => addresses.filter(({ version }) => version === 4).map((each) => ({ portId, address: each.address })));
  if (fixed.length === 0) throw badRequest('No fixed IPs associated to instance');
  const to = fixedAddress === null ? fixed[0] : fixed.find((each) => each.address === fixedAddress);
  if (!to) throw badRequest('Specified fixed address not assigned to instance');
  await updateFloatingIp(context, floatingIp.id, { port_id: to.portId, fixed_ip_address: to.address }).catch((error: unknown) => {
    throw error instanceof Fault && error.status !== 403 ? badRequest(`Unable to associate floating IP ${address} to fixed IP ${to.address} for instance ${id}. Error: ${error.message}`) : error;
  });
  await tellGuest(compute, context, server);
}

export async function removeFloatingIp(compute: Compute, context: Context, id: string, address: string): Promise<void> {
  const { server, floatingIp } = await both(context, id, address);
  if (floatingIp.port_details?.device_id !== id) throw conflict(`Floating IP ${address} is not associated with instance ${id}.`);
  await updateFloatingIp(context, floatingIp.id, { port_id: null });
  await tellGuest(compute, context, server);
}

async function both(context: Context, id: string, address: string): Promise<{ server: Server; floatingIp: FloatingIp }> {
  const server = await lockServer(context.tx, id);
  demandUnlocked(server, context.caller);
  const floatingIp = await floatingIpByAddress(context, address);
  if (!floatingIp) throw notFound('floating IP not found');
  return { server, floatingIp };
}

/** It reads its public address from the metadata service. */
async function tellGuest(compute: Compute, context: Context, server: Server): Promise<void> {
  const changed = await changeServer(context.tx, { now: () => context.now }, server, {}, { requestId: context.requestId, intent: true });
  await refreshServer(compute, context, changed);
}
