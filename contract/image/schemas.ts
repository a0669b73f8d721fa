/** JSON schemas that clients read to know an image's fields: glance/api/v2/schemas.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const schema = (name: string) =>
  ({
    method: 'GET',
    path: `/schemas/${name}`,
    summary: `The JSON schema of ${name}`,
    access: { rule: 'get_image', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ name: Type.String(), properties: Type.Record(Type.String(), Type.Unknown()) }, { additionalProperties: true }),
  }) as const;

export const schemas = operations({ image: schema('image'), images: schema('images'), member: schema('member'), members: schema('members') });
