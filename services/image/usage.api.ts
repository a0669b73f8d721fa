/** The door of usage. */
import { usage as contract } from '../../contract/image/usage.ts';
import { implement } from '../../kit/http/implement.ts';
import { usageOf } from './image-quotas.ts';

export const usage = implement(contract, {
  async show(request) {
    const { bytes, images, uploads, stagedBytes } = await usageOf(request.tx, request.caller.projectId ?? '');
    return {
      usage: {
        image_size_total: { usage: Math.floor(bytes.used / 2 ** 20), limit: bytes.limit === -1 ? -1 : Math.floor(bytes.limit / 2 ** 20) },
        // Also charged as what they will be: a limit of its own would limit nothing more.
        image_stage_total: { usage: Math.floor(stagedBytes / 2 ** 20), limit: -1 },
        image_count_total: { usage: images.used, limit: images.limit },
        image_count_uploading: { usage: uploads.used, limit: uploads.limit },
      },
    };
  },
});
