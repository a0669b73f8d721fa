/** The public keys by which others judge what this cloud signs. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Moment } from '../native.ts';

export const SigningKey = Type.Object(
  { id: Type.String(), algorithm: Type.Literal('Ed25519'), public_key: Type.String({ description: 'SubjectPublicKeyInfo, DER, base64' }), since: Moment },
  { additionalProperties: false },
);

export const keys = operations({
  list: {
    method: 'GET',
    path: '/keys',
    summary: "List the public keys of this cloud's signatures, the newest first",
    access: { rule: 'admission:list_keys', who: 'anyone' },
    stability: 'experimental',
    status: 200,
    response: Type.Object({ keys: Type.Array(SigningKey) }, { additionalProperties: false }),
    list: { after: { 'signing-key': null } },
  },
  create: {
    method: 'POST',
    path: '/keys',
    summary: 'Sign by a new key from now on',
    access: { rule: 'admission:create_key', who: 'admin' },
    stability: 'experimental',
    status: 201,
    response: Type.Object({ key: SigningKey }, { additionalProperties: false }),
  },
});
