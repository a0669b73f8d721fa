/** Where exactly an image's bytes are: for other services, never for users (ATTACKS 9). glance/api/v2/images.py, add_location. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
export const hashAlgorithms = ['sha512', 'sha256', 'md5'] as const;

export const locations = operations({
  list: {
    method: 'GET',
    path: '/images/{image_id}/locations',
    summary: 'List where the bytes of an image are, as another service',
    access: { rule: 'fetch_image_location', who: 'service' },
    stability: 'stable',
    status: 200,
    response: Type.Array(Type.Object({ url: Type.String(), metadata: Type.Object({ store: Type.String() }, closed) }, closed)),
  },
  add: {
    method: 'POST',
    path: '/images/{image_id}/locations',
    summary: 'Give a queued image the bytes that are at a location, as another service',
    access: { rule: 'add_image_location', who: 'member', adminEverywhere: true },
    stability: 'stable',
    body: Type.Object(
      {
        url: Type.String({ minLength: 1, maxLength: 4096 }),
        validation_data: Type.Optional(Type.Object({ os_hash_algo: Type.Optional(Type.Enum([...hashAlgorithms])), os_hash_value: Type.Optional(Type.String({ maxLength: 128 })) }, closed)),
      },
      closed,
    ),
    status: 202,
  },
});
