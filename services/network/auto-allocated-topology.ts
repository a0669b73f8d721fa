/** A network for who wants none of his own making: neutron/services/auto_allocate/db.py. In one transaction, so there is no half of one. */
import { badRequest, conflict, forbidden } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { forgetTopology, holdTopology, insertTopology, topologyOf } from './auto-allocated-topology.store.ts';
import { createNetwork, deleteNetwork } from './networks.ts';
import { selectNetworks } from './networks.store.ts';
import { addInterface, createRouter, deleteRouter, removeInterface } from './routers.ts';
import { createSubnet } from './subnets.ts';
import { subnetsOfNetwork } from './subnets.store.ts';
import { selectSubnetPools } from './subnet-pools.store.ts';

/** The network's id; it is made when there is none. */
export async function autoAllocatedNetwork(context: Context, projectId: string): Promise<string> {
  const { tx } = context;
  await holdTopology(tx, projectId);
  const known = await topologyOf(tx, projectId);
  if (known) return known.network_id;
  const { outside, pools } = await ingredients(context);
  const network = await createNetwork(context, { name: 'auto_allocated_network', project_id: projectId });
  const router = await createRouter(context, { name: 'auto_allocated_router', project_id: projectId, external_gateway_info: { network_id: outside } });
  for (const pool of pools) {
    const subnet = await createSubnet(context, { name: `auto_allocated_subnet_v${pool.ip_version}`, project_id: projectId, network_id: network.id, ip_version: pool.ip_version, subnetpool_id: pool.id });
    await addInterface(context, router.id, { subnet_id: subnet.id });
  }
  await insertTopology(tx, { project_id: projectId, network_id: network.id, router_id: router.id });
  return network.id;
}

/** Whether one could be made. */
export async function demandIngredients(context: Context): Promise<void> {
  await ingredients(context);
}

export async function deleteTopology(context: Context, projectId: string): Promise<void> {
  const { tx } = context;
  await holdTopology(tx, projectId);
  const topology = await topologyOf(tx, projectId);
  if (!topology) return;
  if (topology.router_id !== null) {
    for (const subnet of await subnetsOfNetwork(tx, topology.network_id)) await removeInterface(context, topology.router_id, { subnet_id: subnet.id });
    await forgetTopology(tx, projectId);
    await deleteRouter(context, topology.router_id);
  }
  await deleteNetwork(context, topology.network_id);
}

/** Whose is meant; `None` is what clients say for their own. */
export function projectMeant({ caller }: Context, projectId: string): string {
  const meant = projectId === 'None' ? (caller.projectId ?? '') : projectId;
  if (meant === '') throw badRequest('Invalid input for operation: a project is needed.', 'InvalidInput');
  if (!caller.isAdmin && meant !== caller.projectId) throw forbidden('Not authorized.', 'NotAuthorized');
  return meant;
}

async function ingredients({ tx }: Context): Promise<{ outside: string; pools: { id: string; ip_version: 4 | 6 }[] }> {
  const [outside] = await selectNetworks(tx, sql`r.external_to <> '{}' and r.is_default order by r.created_at, r.id`);
  if (!outside) throw failure('No default router:external network');
  const pools = await selectSubnetPools(tx, sql`r.is_default order by r.ip_version`);
  if (pools.length === 0) throw failure('No default subnetpools defined');
  return { outside: outside.id, pools };
}

const failure = (reason: string) => conflict(`Deployment error: ${reason}.`, 'AutoAllocationFailure');
