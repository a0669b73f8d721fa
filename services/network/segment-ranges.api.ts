import { segmentRanges as contract } from '../../contract/network/segment-ranges.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { getRow, selectRows } from './noun.ts';
import { createRange, deleteRange, rangeListing, rangeNoun, updateRange, useOfRange, type SegmentRange } from './segment-ranges.ts';

export const segmentRanges = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, rangeListing, request.query, request.otherQuery, request.caller);
    const rows = await selectRows(request.tx, rangeNoun, page.tail);
    const whole = new Map(await Promise.all(rows.map(async (row) => [row.id, await shown(request, row)] as const)));
    return listAnswer(request, 'network_segment_ranges', page, rows, (row) => whole.get(row.id)!);
  },
  create: async (request) => ({ network_segment_range: await shown(request, await createRange(request, request.body.network_segment_range)) }),
  show: async (request) => ({ network_segment_range: chosen(await shown(request, await getRow(request, rangeNoun, request.params.network_segment_range_id)), request.query.fields) }),
  update: async (request) => ({ network_segment_range: await shown(request, await updateRange(request, request.params.network_segment_range_id, request.body.network_segment_range)) }),
  async delete(request) {
    await deleteRange(request, request.params.network_segment_range_id);
    return undefined;
  },
});

async function shown(context: Pick<Context, 'tx'>, range: SegmentRange) {
  const { for_project, created_at, updated_at, ...rest } = range;
  return { ...rest, ...(await useOfRange(context, range)), shared: for_project === null, project_id: for_project, created_at: seconds(created_at), updated_at: seconds(updated_at) };
}
