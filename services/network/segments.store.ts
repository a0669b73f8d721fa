import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Segment = {
  id: string;
  network_id: string;
  project_id: string;
  name: string | null;
  description: string | null;
  network_type: 'geneve' | 'flat' | 'vlan';
  physical_network: string | null;
  segmentation_id: number | null;
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export const networkType = sql`(case when r.physical_network is null then 'geneve' when r.segmentation_id is null then 'flat' else 'vlan' end)`;

/** Every network is one segment. */
export const segmentTable = sql`(select r.segment_id as id, r.id as network_id, r.project_id, r.segment_name as name, r.segment_description as description, ${networkType} as network_type, r.physical_network, r.segmentation_id,
  r.revision_number, r.created_at, r.updated_at from network.network r)`;

export function selectSegments(tx: Transaction, tail: Sql): Promise<Segment[]> {
  return tx.rows<Segment>(sql`select r.* from ${segmentTable} r where ${tail}`);
}

export async function nameSegment(tx: Transaction, { id, name, description }: Pick<Segment, 'id' | 'name' | 'description'>, now: Date): Promise<void> {
  await tx.run`update network.network set segment_name = ${name}, segment_description = ${description}, revision_number = revision_number + 1, updated_at = ${now} where segment_id = ${id}`;
}
