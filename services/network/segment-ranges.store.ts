import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type SegmentRange = {
  id: string; project_id: ''; name: string; description: string; default: boolean; for_project: string | null; network_type: 'vlan' | 'geneve'; physical_network: string; minimum: number; maximum: number; revision_number: number;
  created_at: Date; updated_at: Date;
};

export const rangeTable = sql`network.segment_range`;
export const rangeColumns = sql`r.id, '' as project_id, r.name, r.description, r.is_default as default, r.for_project, r.network_type, r.physical_network, r.minimum, r.maximum, r.revision_number, r.created_at, r.updated_at`;

type Bounds = Pick<SegmentRange, 'physical_network' | 'minimum' | 'maximum'>;

/** Numbers in it that networks have, the lowest first, and whose these are. */
export function usedIn(tx: Transaction, range: Bounds): Promise<{ number: number; project_id: string }[]> {
  return tx.rows`
    select s.segmentation_id as number, n.project_id from network.segment s join network.network n on n.id = s.network_id
    where s.physical_network is not distinct from nullif(${range.physical_network}::text, '') and s.segmentation_id between ${range.minimum} and ${range.maximum} order by 1`;
}

/** Until the end of the transaction nobody else makes or changes one. */
export async function overlappingRanges(tx: Transaction, { id, network_type: type, physical_network: place, minimum, maximum }: Bounds & { id: string; network_type: string }): Promise<string[]> {
  await tx.run`select pg_advisory_xact_lock(hashtext('network.segment_range'))`;
  const rows = await tx.rows<{ id: string }>`
    select id from network.segment_range where not is_default and network_type = ${type} and physical_network = ${place} and id <> ${id} and minimum <= ${maximum} and maximum >= ${minimum} order by id`;
  return rows.map((row) => row.id);
}

/** A number for a network of this project, null when all are taken. `place`: the physical network; null for a tunnel. */
export const freeSegment = (place: string | null, projectId: string): Sql => sql`network.free_segment(${place === null ? 'geneve' : 'vlan'}, ${place ?? ''}, ${projectId})`;
