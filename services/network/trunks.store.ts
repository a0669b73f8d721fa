import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Subport = { port_id: string; segmentation_type: 'vlan'; segmentation_id: number };

export async function insertSubports(tx: Transaction, trunk: { id: string; project_id: string }, subports: readonly Subport[]): Promise<void> {
  await tx.run`
    insert into network.subport (port_id, trunk_id, project_id, segmentation_type, segmentation_id)
    select port_id, ${trunk.id}, ${trunk.project_id}, 'vlan', segmentation_id from unnest(${subports.map((each) => each.port_id)}::text[], ${subports.map((each) => each.segmentation_id)}::int[]) as wish (port_id, segmentation_id)`;
}

export async function deleteSubports(tx: Transaction, portIds: readonly string[]): Promise<void> {
  await tx.run`delete from network.subport where port_id = any(${[...portIds]}::text[])`;
}

/** What the port is a trunk of, or on. */
export function trunkOf(tx: Transaction, portId: string): Promise<{ parent: string | null; sub: string | null } | undefined> {
  return tx.one`select (select id from network.trunk where port_id = ${portId}) as parent, (select trunk_id from network.subport where port_id = ${portId}) as sub`;
}

/** They run where the port that carries them does; nothing is told to the engine of those that stay. */
export async function moveSubports(tx: Transaction, parentPortId: string, hostId: string): Promise<string[]> {
  const moved = await tx.rows<{ id: string }>`
    update network.port p set host_id = ${hostId}, status = case when ${hostId === ''} then 'DOWN' else p.status end
    from network.subport s join network.trunk t on t.id = s.trunk_id where t.port_id = ${parentPortId} and p.id = s.port_id and p.host_id <> ${hostId} returning p.id`;
  await tx.run`update network.trunk set status = ${hostId === '' ? 'DOWN' : 'ACTIVE'} where port_id = ${parentPortId}`;
  return moved.map(({ id }) => id);
}

/** Ports that begin or end to go through another one. */
export async function setCarried(tx: Transaction, portIds: readonly string[], to: { device_owner: string; host_id: string }, now: Date): Promise<void> {
  await tx.run(sql`
    update network.port set device_owner = ${to.device_owner}, host_id = ${to.host_id}, status = 'DOWN', revision_number = revision_number + 1, updated_at = ${now} where id = any(${[...portIds]}::text[])`);
}
