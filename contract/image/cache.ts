/** Copies of images that are nearer than their stores: glance/api/v2/cached_images.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };

export const cache = operations({
  list: {
    method: 'GET',
    path: '/cache',
    summary: 'List the images that are in the cache, and those that are to be',
    access: { rule: 'cache_list', who: 'admin' },
    stability: 'stable',
    status: 200,
    response: Type.Object(
      {
        cached_images: Type.Array(Type.Object({ image_id: Type.String(), hits: Type.Integer(), last_accessed: Type.Number(), last_modified: Type.Number(), size: Type.Integer() }, closed)),
        queued_images: Type.Array(Type.String()),
      },
      closed,
    ),
  },
  clear: {
    method: 'DELETE',
    path: '/cache',
    summary: 'Empty the cache, its queue, or both',
    access: { rule: 'cache_delete', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
  queue: {
    method: 'PUT',
    path: '/cache/{image_id}',
    summary: 'Bring an active image into the cache',
    access: { rule: 'cache_image', who: 'admin' },
    stability: 'stable',
    status: 202,
  },
  delete: {
    method: 'DELETE',
    path: '/cache/{image_id}',
    summary: 'Take an image out of the cache and its queue',
    access: { rule: 'cache_delete', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
});
