/** Where networks are: each is one segment, made and deleted with it. Networks of several would be for who routes between them, which nothing here does. neutron/services/segments/plugin.py. */
import { notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { tell } from './changes.ts';
import { byNumber, byText, byTextOrNothing, type Listing } from './listing.ts';
import { nameSegment, segmentTable, selectSegments, type Segment } from './segments.store.ts';

export type { Segment } from './segments.store.ts';

export const segmentListing: Listing = {
  collection: 'segments',
  table: segmentTable,
  filters: {
    id: byText(sql`r.id`), network_id: byText(sql`r.network_id`), name: byTextOrNothing(sql`r.name`), network_type: byText(sql`r.network_type`), physical_network: byTextOrNothing(sql`r.physical_network`),
    segmentation_id: byNumber(sql`r.segmentation_id`),
  },
  sorts: { id: sql`r.id`, network_id: sql`r.network_id`, network_type: sql`r.network_type`, physical_network: sql`coalesce(r.physical_network, '')`, segmentation_id: sql`coalesce(r.segmentation_id, 0)`, name: sql`coalesce(r.name, '')` },
};

export async function getSegment({ tx }: Pick<Context, 'tx'>, id: string): Promise<Segment> {
  return (await selectSegments(tx, sql`r.id = ${id}`))[0] ?? segmentNotThere(id);
}

export async function updateSegment(context: Context, id: string, wish: { name?: string | null; description?: string | null }): Promise<Segment> {
  const before = await getSegment(context, id);
  const { name = before.name, description = before.description } = wish;
  await nameSegment(context.tx, { id, name, description }, context.now);
  await tell(context, 'network', 'update', { id: before.network_id, project_id: before.project_id });
  return getSegment(context, id);
}

function segmentNotThere(id: string): never {
  throw notFound(`Segment ${id} could not be found.`, 'SegmentNotFound');
}
