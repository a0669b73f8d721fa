import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { freeSegment } from './segment-ranges.store.ts';

export type NetworkType = 'geneve' | 'flat' | 'vlan';

export type Segment = {
  id: string;
  network_id: string;
  name: string | null;
  description: string | null;
  network_type: NetworkType;
  physical_network: string | null;
  segmentation_id: number | null;
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewSegment = { project_id: string } & Pick<Segment, 'id' | 'network_id' | 'name' | 'description' | 'physical_network'> & { segmentation_id: number | 'any' | null };

export const segmentTable = sql`network.segment`;
const columns = sql`r.id, r.network_id, r.name, r.description, r.network_type, r.physical_network, r.segmentation_id, r.revision_number, r.created_at, r.updated_at`;

/** Where the network `r` is, the first place first. */
export const placesOfNetwork = sql`(select coalesce(jsonb_agg(jsonb_build_object('network_type', s.network_type, 'physical_network', s.physical_network, 'segmentation_id', s.segmentation_id) order by s.segment_index), '[]') from network.segment s where s.network_id = r.id)`;

/** Of the network `r`'s segment `s`; null when it has others. */
export const onlySegment = (column: Sql): Sql => sql`(select min(${column}) from network.segment s where s.network_id = r.id having count(*) = 1)`;

/** Whether the network `r` has this physical network as it is. */
export const isFlatOn = (physicalNetwork: string): Sql => sql`exists (select from network.segment s where s.network_id = r.id and s.physical_network = ${physicalNetwork} and s.segmentation_id is null)`;

export function selectSegments(tx: Transaction, tail: Sql): Promise<Segment[]> {
  return tx.rows<Segment>(sql`select ${columns} from network.segment r where ${tail}`);
}

/** Of several that there are, the last. */
export async function insertSegment(tx: Transaction, { id, network_id: networkId, project_id: projectId, name, description, physical_network: place, segmentation_id: number }: NewSegment, now: Date): Promise<Segment> {
  const [segment] = await tx.rows<Segment>(sql`
    insert into network.segment as r (id, network_id, segment_index, name, description, physical_network, segmentation_id, created_at, updated_at)
    values (${id}, ${networkId}, (select coalesce(max(s.segment_index) + 1, 0) from network.segment s where s.network_id = ${networkId}), ${name}, ${description}, ${place},
      ${number === 'any' ? freeSegment(place, projectId) : number}, ${now}, ${now})
    returning ${columns}`);
  return segment!;
}

export async function nameSegment(tx: Transaction, { id, name, description }: Pick<Segment, 'id' | 'name' | 'description'>, now: Date): Promise<void> {
  await tx.run`update network.segment set name = ${name}, description = ${description}, revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`;
}

/** The network's only segment has this number from now on. */
export async function moveSegment(tx: Transaction, networkId: string, number: number, now: Date): Promise<void> {
  await tx.run`update network.segment set segmentation_id = ${number}, revision_number = revision_number + 1, updated_at = ${now} where network_id = ${networkId}`;
}

export async function deleteSegments(tx: Transaction, which: { id: string } | { networkId: string }): Promise<void> {
  if ('id' in which) await tx.run`delete from network.segment where id = ${which.id}`;
  else await tx.run`delete from network.segment where network_id = ${which.networkId}`;
}

/** How many ports of hosts are on it: those that the network has, on its first. */
export async function portsOnSegment(tx: Transaction, { id, network_id: networkId }: Pick<Segment, 'id' | 'network_id'>): Promise<number> {
  const found = await tx.one<{ count: number }>`
    select count(*)::int as count from network.port p where p.network_id = ${networkId} and p.host_id <> ''
      and ${id} = (select s.id from network.segment s where s.network_id = ${networkId} order by s.segment_index limit 1)`;
  return found?.count ?? 0;
}

export function isTunnelTaken(tx: Transaction, number: number): Promise<object | undefined> {
  return tx.one`select id from network.segment where physical_network is null and segmentation_id = ${number}`;
}

export function isPlaceTaken(tx: Transaction, physicalNetwork: string, vlan: number | null): Promise<object | undefined> {
  return tx.one`select id from network.segment where physical_network = ${physicalNetwork} and segmentation_id is not distinct from ${vlan}::int`;
}
