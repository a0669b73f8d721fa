/** Who signs requests: a region that is asked by a signed request asks home whose signature it is. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';

const strict = { additionalProperties: false };

/** What is inside `sealed`: the key that signs for that day and region, and a token with the rights of whoever holds it. */
export type SealedSigner = { key: string; token: string };

export const signers = operations({
  find: {
    method: 'POST',
    path: '/regions/{region}/signers',
    summary: 'Ask for the key by which requests to the object store are signed with an access key. The secret itself stays at home',
    access: { rule: 'federation:find_signer', who: 'service' },
    stability: 'stable',
    body: Type.Object(
      {
        access: Type.String({ minLength: 1, maxLength: 255 }),
        /** For what the key is good, as clients write it: `20260301` and `us-east-1`. */
        day: Type.String({ pattern: '^[0-9]{8}$' }),
        signed_region: Type.String({ minLength: 1, maxLength: 64 }),
      },
      strict,
    ),
    status: 200,
    response: Type.Object({ sealed: Type.Union([Type.String(), Type.Null()], { description: 'Sealed with the key of the region; null: nobody may sign with it' }) }, strict),
    // What it answers lets its bearer in: no table may keep it.
    effects: 'own',
  },
});
