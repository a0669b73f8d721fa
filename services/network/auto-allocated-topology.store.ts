import type { Transaction } from '../../kit/postgres/database.ts';

export type Topology = { project_id: string; network_id: string; router_id: string | null };

/** Whoever else asks for the same project's waits until the end of the transaction. */
export async function holdTopology(tx: Transaction, projectId: string): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('network.auto_allocated_topology'), hashtext(${projectId}))`;
}

export function topologyOf(tx: Transaction, projectId: string): Promise<Topology | undefined> {
  return tx.one<Topology>`select project_id, network_id, router_id from network.auto_allocated_topology where project_id = ${projectId}`;
}

export async function insertTopology(tx: Transaction, { project_id, network_id, router_id }: Topology): Promise<void> {
  await tx.run`insert into network.auto_allocated_topology (project_id, network_id, router_id) values (${project_id}, ${network_id}, ${router_id})`;
}

export async function forgetTopology(tx: Transaction, projectId: string): Promise<void> {
  await tx.run`delete from network.auto_allocated_topology where project_id = ${projectId}`;
}
