/** The bytes of images. */
import { operations } from '../contract.ts';

export const imageData = operations({
  upload: {
    method: 'PUT',
    path: '/images/{image_id}/file',
    summary: 'Bring the bytes of a queued image; they are inspected before the image becomes active',
    access: { rule: 'upload_image', who: 'member', adminEverywhere: true },
    stability: 'stable',
    consumes: ['application/octet-stream'],
    body: 'stream',
    status: 204,
    effects: 'own',
  },
  download: {
    method: 'GET',
    path: '/images/{image_id}/file',
    summary: 'Fetch the bytes of an active image, or a range of them',
    access: { rule: 'download_image', who: 'member', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    otherStatuses: [204, 206],
    response: 'stream',
  },
});
