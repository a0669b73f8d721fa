/** How bytes come to an image in two steps, or from elsewhere: glance/api/v2/images.py, import_image; image_data.py, stage. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
const text = Type.String({ maxLength: 255 });

/** What each method takes besides its name. */
const Method = Type.Object({
  name: Type.String(),
  uri: Type.Optional(Type.String({ maxLength: 4096 })),
  glance_region: Type.Optional(text),
  glance_image_id: Type.Optional(text),
  glance_service_interface: Type.Optional(text),
});

export const ImportRequest = Type.Object({
  method: Method,
  stores: Type.Optional(Type.Array(text, { minItems: 1, maxItems: 100 })),
  all_stores: Type.Optional(Type.Boolean()),
  all_stores_must_succeed: Type.Optional(Type.Boolean()),
});

export const imports = operations({
  stage: {
    method: 'PUT',
    path: '/images/{image_id}/stage',
    summary: 'Bring the bytes of a queued image to where they wait for their import',
    access: { rule: 'modify_image', who: 'member', adminEverywhere: true },
    stability: 'stable',
    consumes: ['application/octet-stream'],
    body: 'stream',
    status: 204,
    effects: 'own',
  },
  import: {
    method: 'POST',
    path: '/images/{image_id}/import',
    summary: 'Inspect staged bytes, or fetch them from elsewhere, and make the image active; or copy an active one to further stores',
    access: { rule: 'modify_image', who: 'member', adminEverywhere: true },
    stability: 'stable',
    body: ImportRequest,
    status: 202,
    effects: 'own',
  },
  methods: {
    method: 'GET',
    path: '/info/import',
    summary: 'The methods by which images can be imported here',
    access: { rule: 'get_images', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ 'import-methods': Type.Object({ description: Type.String(), type: Type.String(), value: Type.Array(Type.String()) }, closed) }, closed),
  },
});
