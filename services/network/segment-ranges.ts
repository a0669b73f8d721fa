/** Of which numbers networks get theirs: neutron/services/network_segment_range/plugin.py. */
import { badRequest, conflict, notFound } from '../../kit/fault.ts';
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { byBoolean, byText, byTextOrNothing, type Listing } from './listing.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { overlappingRanges, rangeColumns, rangeTable, usedIn, type SegmentRange } from './segment-ranges.store.ts';

export type { SegmentRange } from './segment-ranges.store.ts';

/** Beyond it OVN numbers what it makes itself: lib/ovn-util.h, OVN_MAX_DP_KEY_LOCAL. */
export const lastTunnel = 16_711_679;
export const lastVlan = 4094;

type Bounded = Pick<SegmentRange, 'id' | 'network_type' | 'physical_network' | 'minimum' | 'maximum'>;
type Settable = { name?: string; description?: string; minimum?: number | string; maximum?: number | string };
export type RangeWish = Settable & { project_id?: string; tenant_id?: string; shared?: boolean; network_type: string; physical_network?: string | null; minimum: number | string; maximum: number | string };

export const rangeNoun: Noun<SegmentRange> = {
  resource: 'network_segment_range',
  table: rangeTable,
  columns: rangeColumns,
  notThere: (id) => notFound(`Network Segment Range ${id} could not be found.`, 'NetworkSegmentRangeNotFound'),
};

export const rangeListing: Listing = {
  collection: 'network_segment_ranges',
  table: rangeTable,
  filters: {
    id: byText(sql`r.id`), name: byText(sql`r.name`), project_id: byTextOrNothing(sql`r.for_project`), network_type: byText(sql`r.network_type`), physical_network: byText(sql`r.physical_network`),
    default: byBoolean(sql`r.is_default`), shared: byBoolean(sql`(r.for_project is null)`),
  },
  sorts: { id: sql`r.id`, name: sql`r.name`, project_id: sql`coalesce(r.for_project, '')` },
};

export async function createRange(context: Context, wish: RangeWish): Promise<SegmentRange> {
  const { tx, now, random } = context;
  const owner = ownerOf(context, wish);
  const { network_type: type } = wish;
  if (type !== 'vlan' && type !== 'geneve') throw badRequest(`Network type ${type} does not support network segment ranges.`, 'NetworkSegmentRangeNetTypeNotSupported');
  const place = type === 'vlan' ? (wish.physical_network ?? '') : '';
  if (type === 'vlan' && place === '') throw badRequest("Bad network_segment_range request: Network type vlan requires 'physical_network' to be specified while creating new range.", 'BadRequest');
  const id = random.uuid();
  const bounds: Bounded = { id, network_type: type, physical_network: place, minimum: Number(wish.minimum), maximum: Number(wish.maximum) };
  await demandRoom(context, bounds);
  await insertRow(tx, rangeNoun, { ...bounds, name: wish.name ?? '', description: wish.description ?? '', for_project: wish.shared === false ? owner : null, created_at: now, updated_at: now });
  await tell(context, 'create', id);
  return getRow(context, rangeNoun, id);
}

export async function updateRange(context: Context, id: string, wish: Settable): Promise<SegmentRange> {
  const { tx, now } = context;
  const before = await changeable(context, id, 'update');
  const bounds = { minimum: Number(wish.minimum ?? before.minimum), maximum: Number(wish.maximum ?? before.maximum) };
  const used = await usedIn(tx, before);
  const [lowest, highest] = [used[0], used.at(-1)];
  // Neutron asks for room on both sides of those that are used, also where nothing moves: _are_allocated_segments_in_range_impacted.
  if (lowest && highest && (bounds.minimum >= lowest.number || bounds.maximum <= highest.number)) throw referenced(id);
  await demandRoom(context, { ...before, ...bounds });
  await updateRow(tx, rangeNoun, id, { name: wish.name, description: wish.description, ...bounds, revision_number: before.revision_number + 1, updated_at: now });
  await tell(context, 'update', id);
  return getRow(context, rangeNoun, id);
}

export async function deleteRange(context: Context, id: string): Promise<void> {
  const range = await changeable(context, id, 'delete');
  if ((await usedIn(context.tx, range)).length > 0) throw referenced(id);
  await deleteRow(context.tx, rangeNoun, id);
  await tell(context, 'delete', id);
}

/** Which of its numbers networks have, and which none has. */
export async function useOfRange({ tx }: Pick<Context, 'tx'>, range: SegmentRange): Promise<{ used: Record<string, string>; available: number[] }> {
  const used = await usedIn(tx, range);
  const taken = new Set(used.map(({ number }) => number));
  const available: number[] = [];
  for (let number = range.minimum; number <= range.maximum; number++) if (!taken.has(number)) available.push(number);
  return { used: Object.fromEntries(used.map(({ number, project_id: projectId }) => [String(number), projectId])), available };
}

async function changeable(context: Context, id: string, verb: 'update' | 'delete'): Promise<SegmentRange> {
  const range = await lockedRow(context, rangeNoun, id, verb);
  if (range.default) throw badRequest(`Network Segment Range ${id} is a default segment range which could not be updated or deleted.`, 'NetworkSegmentRangeDefaultReadOnly');
  return range;
}

async function demandRoom({ tx }: Context, range: Bounded): Promise<void> {
  const [last, code, what] = range.network_type === 'vlan' ? [lastVlan, 'NetworkVlanRangeError', 'VLAN'] : [lastTunnel, 'NetworkTunnelRangeError', 'tunnel'];
  const wrong = [range.minimum, range.maximum].find((number) => number < 1 || number > last);
  if (wrong !== undefined) throw badRequest(`Invalid network ${what} range: '${range.minimum}:${range.maximum}' - ${wrong} is not a valid identifier: 1 through ${last}.`, code);
  if (range.maximum < range.minimum) throw badRequest(`Invalid network ${what} range: '${range.minimum}:${range.maximum}' - End of range is less than start of range.`, code);
  // What is available is listed one by one.
  if (range.maximum - range.minimum >= longestRange) throw badRequest(`Invalid network ${what} range: '${range.minimum}:${range.maximum}' - It has more than ${longestRange} numbers.`, code);
  const others = await overlappingRanges(tx, range);
  if (others.length > 0) throw conflict(`Network segment range overlaps with range(s) with id ${others.join(', ')}`, 'NetworkSegmentRangeOverlaps');
}

const longestRange = 262_144;

const referenced = (id: string) => conflict(`Network Segment Range ${id} is referenced by one or more project networks.`, 'NetworkSegmentRangeReferencedByProject');

async function tell({ tx, now, requestId }: Context, verb: string, id: string): Promise<void> {
  await emit(tx, { now: () => now }, { type: `network_segment_range.${verb}.end`, resource: 'network_segment_range', resourceId: id, requestId, payload: {} });
}
