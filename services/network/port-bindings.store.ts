import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type PortBinding = { id: string; host: string; vif_type: 'ovs' | 'unbound'; vnic_type: string; profile: Record<string, unknown>; status: 'ACTIVE' | 'INACTIVE' };

/** `bound`: not since another was put in force in its place. */
export type OtherBinding = Pick<PortBinding, 'host' | 'vnic_type' | 'profile'> & { bound: boolean };

export function selectBindings(tx: Transaction, portId: string, tail: Sql): Promise<PortBinding[]> {
  return tx.rows<PortBinding>(sql`select r.id, r.host, r.vif_type, r.vnic_type, r.profile, r.status from network.port_binding r where r.port_id = ${portId} and ${tail}`);
}

/** The port is held: `lockPort`. */
export async function otherBindings(tx: Transaction, portId: string): Promise<OtherBinding[]> {
  return (await tx.one<{ others: OtherBinding[] }>`select other_bindings as others from network.port where id = ${portId}`)?.others ?? [];
}

export async function putOtherBindings(tx: Transaction, portId: string, others: readonly OtherBinding[]): Promise<void> {
  await tx.run`update network.port set other_bindings = ${sql.json([...others])}::jsonb where id = ${portId}`;
}
