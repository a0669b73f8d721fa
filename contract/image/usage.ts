/** How much of images a project has and may have: glance/api/v2/discovery.py, get_usage. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
const Use = Type.Object({ usage: Type.Integer(), limit: Type.Integer() }, closed);

export const usage = operations({
  show: {
    method: 'GET',
    path: '/info/usage',
    summary: 'How many images and MiB of them the project has, and may have (-1: any number)',
    // Glance asks no policy about it.
    access: { rule: 'get_images', who: 'reader' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ usage: Type.Object({ image_size_total: Use, image_stage_total: Use, image_count_total: Use, image_count_uploading: Use }, closed) }, closed),
  },
});
