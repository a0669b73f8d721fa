/** Where the bytes of images are kept: glance/api/v2/discovery.py; images.py, delete_from_store. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
const store = { id: Type.String(), description: Type.Optional(Type.String()), default: Type.Optional(Type.Literal('true')) };

const Detail = Type.Object(
  { ...store, type: Type.Literal('file'), weight: Type.Integer(), properties: Type.Object({ data_dir: Type.String(), chunk_size: Type.Integer(), thin_provisioning: Type.Boolean() }, closed) },
  closed,
);

export const stores = operations({
  list: {
    method: 'GET',
    path: '/info/stores',
    summary: 'List the stores into which images can be brought',
    access: { rule: 'get_images', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ stores: Type.Array(Type.Object(store, closed)) }, closed),
  },
  detail: {
    method: 'GET',
    path: '/info/stores/detail',
    summary: 'List the stores with what they are',
    access: { rule: 'stores_info_detail', who: 'service' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ stores: Type.Array(Detail) }, closed),
  },
  deleteImage: {
    method: 'DELETE',
    path: '/stores/{store_id}/{image_id}',
    summary: 'Take the bytes of an image out of one of its stores; the last one keeps them',
    access: { rule: 'delete_image_location', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
});
