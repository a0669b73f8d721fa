/** Further addresses of a server's ports, as nova-network gave them. nova/network/neutron.py, add_fixed_ip_to_instance */
import { badRequest, conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { getPort, updatePort } from '../network/ports.ts';
import { selectInterfaces } from './devices.store.ts';
import { asNetworkFault } from './refusals.ts';
import { changeServer, lockServer } from './server-changes.ts';
import { refreshServer } from './server-refresh.ts';
import { demandUnlocked } from './server-states.ts';
import type { Compute } from './servers.ts';

type Ports = Awaited<ReturnType<typeof getPort>>[];

export async function addFixedIp(compute: Compute, context: Context, id: string, networkId: string): Promise<void> {
  const { ports, told } = await portsFor(compute, context, id);
  const port = ports.find((each) => each.network_id === networkId);
  const [subnet] = port?.fixed_ips ?? [];
  if (!port || !subnet) throw badRequest(`Network could not be found for instance ${id}.`);
  await updatePort(context, port.id, { fixed_ips: [...port.fixed_ips, { subnet_id: subnet.subnet_id }] }).catch(asNetworkFault);
  await told();
}

export async function removeFixedIp(compute: Compute, context: Context, id: string, address: string): Promise<void> {
  const { ports, told } = await portsFor(compute, context, id);
  const port = ports.find((each) => each.fixed_ips.some(({ ip_address: ip }) => ip === address));
  if (!port) throw badRequest(`Instance ${id} does not have fixed IP '${address}'.`);
  await updatePort(context, port.id, { fixed_ips: port.fixed_ips.filter(({ ip_address: ip }) => ip !== address) }).catch(asNetworkFault);
  await told();
}

async function portsFor(compute: Compute, context: Context, id: string): Promise<{ ports: Ports; told: () => Promise<void> }> {
  const { tx, now, caller, requestId } = context;
  const server = await lockServer(tx, id);
  demandUnlocked(server, caller);
  if (server.hostId === null) throw conflict(`Instance ${id} is not ready`);
  const ports: Ports = [];
  for (const { portId } of await selectInterfaces(tx, [id])) ports.push(await getPort(context, portId));
  return {
    ports,
    async told() {
      await refreshServer(compute, context, await changeServer(tx, { now: () => now }, server, {}, { requestId, intent: true }));
    },
  };
}
