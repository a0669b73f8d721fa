/**
 * The port from which a network's DHCP and metadata answers come, as ML2/OVN has it: owned by the network,
 * with an address in each of its subnets that has DHCP.
 */
import { conflict } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { mark } from './changes.ts';
import { getNetwork } from './networks.ts';
import { allocateAny, deletePortRows, findServicePort, freeAddresses, insertPort, setPortStatus } from './ports.store.ts';
import { subnetsOfNetwork } from './subnets.store.ts';

const serviceOwner = 'network:distributed';

/** To be called while the network or its subnet is held. */
export async function ensureServicePort(context: Context, networkId: string, { without }: { without?: string } = {}): Promise<void> {
  const { tx, random } = context;
  const subnets = (await subnetsOfNetwork(tx, networkId)).filter((subnet) => subnet.enable_dhcp && subnet.id !== without);
  const port = await findServicePort(context.tx, networkId);
  if (subnets.length === 0) {
    if (port) await deletePortRows(tx, [port.id]);
    return;
  }
  const fixed = port?.fixed_ips ?? [];
  const id = port?.id ?? (await makePort(context, networkId));
  const gone = fixed.filter((each) => !subnets.some((subnet) => subnet.id === each.subnet_id));
  if (gone.length > 0) await freeAddresses(tx, id, gone.map((each) => each.ip_address));
  for (const subnet of subnets) {
    if (fixed.some((each) => each.subnet_id === subnet.id)) continue;
    if ((await allocateAny(tx, { networkId, subnetId: subnet.id, portId: id }, random)) === undefined)
      throw conflict(`No more IP addresses available on network ${networkId}.`, 'IpAddressGenerationFailure');
  }
  await setPortStatus(tx, id, 'ACTIVE');
}

export async function dropServicePort(context: Context, networkId: string): Promise<void> {
  const port = await findServicePort(context.tx, networkId);
  if (port) await deletePortRows(context.tx, [port.id]);
}

/** Neutron lets go of it when it is told to, and OVN’s driver makes another as long as there is the network. */
export async function renewServicePort(context: Context, networkId: string): Promise<void> {
  await dropServicePort(context, networkId);
  await ensureServicePort(context, networkId);
  await mark(context.tx, context.now, 'network', [networkId]);
}

async function makePort(context: Context, networkId: string): Promise<string> {
  const network = await getNetwork(context, networkId);
  const id = context.random.uuid();
  await insertPort(
    context.tx,
    { id, project_id: network.project_id, network_id: networkId, device_id: `ovnmeta-${networkId}`, device_owner: serviceOwner, port_security_enabled: false },
    context,
  );
  return id;
}
