/** Where networks are, each as the operator sees it: the first is made with its network, others by hand. neutron/services/segments/plugin.py. */
import { conflict, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { mark, tell } from './changes.ts';
import { byNumber, byText, byTextOrNothing, type Listing } from './listing.ts';
import { getNetwork, lockedNetwork } from './networks.ts';
import { touchNetwork, type Network } from './networks.store.ts';
import { allowedMtu, largestMtu, placeOf, takePlace } from './places.ts';
import { deleteSegments, nameSegment, portsOnSegment, segmentTable, selectSegments, type Segment } from './segments.store.ts';

export type { Segment } from './segments.store.ts';

type Named = { name?: string | null; description?: string | null };
export type SegmentWish = Named & { network_id: string; network_type: string; physical_network?: string; segmentation_id?: number | string };

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

export async function createSegment(context: Context, wish: SegmentWish): Promise<Segment> {
  const network = await lockedNetwork(context, wish.network_id, 'create_segment');
  const place = await placeOf(context, { 'provider:network_type': wish.network_type, 'provider:physical_network': wish.physical_network ?? null, 'provider:segmentation_id': wish.segmentation_id ?? null });
  // What the network's guests were told must go through each of its segments.
  allowedMtu(network.mtu, largestMtu([place]));
  const segment = await takePlace(context, network, place, wish);
  await placesChanged(context, network);
  return segment;
}

export async function updateSegment(context: Context, id: string, wish: Named): Promise<Segment> {
  const before = await getSegment(context, id);
  const { name = before.name, description = before.description } = wish;
  await nameSegment(context.tx, { id, name, description }, context.now);
  await tell(context, 'network', 'update', await getNetwork(context, before.network_id));
  return getSegment(context, id);
}

export async function deleteSegment(context: Context, id: string): Promise<void> {
  const { network_id: networkId } = await getSegment(context, id);
  const network = await lockedNetwork(context, networkId, 'delete_segment');
  const segment = await getSegment(context, id);
  const ports = await portsOnSegment(context.tx, segment);
  if (ports > 0) throw conflict(`Segment '${id}' cannot be deleted: The segment is still bound with ${ports} port(s).`, 'SegmentInUse');
  await deleteSegments(context.tx, { id });
  await placesChanged(context, network);
}

async function placesChanged(context: Context, network: Network): Promise<void> {
  const { tx, now } = context;
  await touchNetwork(tx, network.id, now);
  await mark(tx, now, 'network', [network.id]);
  await tell(context, 'network', 'update', network);
}

function segmentNotThere(id: string): never {
  throw notFound(`Segment ${id} could not be found.`, 'SegmentNotFound');
}
