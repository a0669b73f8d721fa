/** nova/api/openstack/compute/keypairs.py */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { exactly, nullableText } from './fields.ts';

const keyName = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[_\\- a-zA-Z0-9]+(?<! )$' });
const kind = Type.Union([Type.Literal('ssh'), Type.Literal('x509')]);

const brief = exactly({ name: Type.String(), fingerprint: Type.String(), public_key: Type.String(), type: since('2.2', Type.String()) });

const rule = (verb: string) => ({ rule: `os_compute_api:os-keypairs:${verb}`, who: 'user' }) as const;

export const keyPairs = operations({
  list: { method: 'GET', path: '/os-keypairs', summary: 'The key pairs of the user', access: rule('index'), stability: 'stable', status: 200, response: exactly({ keypairs: Type.Array(exactly({ keypair: brief })) }), list: { resource: 'keypair', show: 'show', parameter: 'keypair_name', ofUser: true } },
  show: {
    method: 'GET',
    path: '/os-keypairs/{keypair_name}',
    summary: 'One key pair',
    access: rule('show'),
    stability: 'stable',
    status: 200,
    response: exactly({
      keypair: exactly({
        id: Type.Integer(),
        name: Type.String(),
        fingerprint: Type.String(),
        public_key: Type.String(),
        user_id: Type.String(),
        created_at: Type.String(),
        updated_at: nullableText,
        deleted_at: nullableText,
        deleted: Type.Boolean(),
        type: since('2.2', Type.String()),
      }),
    }),
  },
  create: {
    method: 'POST',
    path: '/os-keypairs',
    summary: 'Import a public key, or make a pair and hand out its private key once',
    access: rule('create'),
    stability: 'stable',
    // Making a key is computation of unbounded length.
    effects: 'own',
    body: exactly({
      keypair: exactly({ name: keyName, public_key: Type.Optional(Type.String({ maxLength: 65535 })), type: Type.Optional(since('2.2', kind)) }),
    }),
    status: 201,
    response: exactly({
      keypair: exactly({ name: Type.String(), fingerprint: Type.String(), public_key: Type.String(), user_id: Type.String(), private_key: Type.Optional(Type.String()), type: since('2.2', Type.String()) }),
    }),
  },
  delete: { method: 'DELETE', path: '/os-keypairs/{keypair_name}', summary: 'Delete a key pair; servers keep the public key they were given', access: rule('delete'), stability: 'stable', status: 204 },
});
