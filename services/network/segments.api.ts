import { segments as contract } from '../../contract/network/segments.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createSegment, deleteSegment, getSegment, segmentListing, updateSegment, type Segment } from './segments.ts';
import { selectSegments } from './segments.store.ts';

export const segments = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, segmentListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'segments', page, await selectSegments(request.tx, page.tail), shown);
  },
  create: async (request) => ({ segment: shown(await createSegment(request, request.body.segment)) }),
  show: async (request) => ({ segment: chosen(shown(await getSegment(request, request.params.segment_id)), request.query.fields) }),
  update: async (request) => ({ segment: shown(await updateSegment(request, request.params.segment_id, request.body.segment)) }),
  async delete(request) {
    await deleteSegment(request, request.params.segment_id);
    return undefined;
  },
});

const shown = ({ created_at, updated_at, ...segment }: Segment) => ({ ...segment, created_at: seconds(created_at), updated_at: seconds(updated_at) });
