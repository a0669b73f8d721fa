/** nova/api/openstack/compute/keypairs.py */
import { Type } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { exactly, links, nullableText, paging } from './fields.ts';

const keyName = Type.Union([
  until('2.91', Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[_\\- a-zA-Z0-9]+(?<! )$' })),
  since('2.92', Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[@._\\- a-zA-Z0-9]+(?<! )$' })),
]);

/** Whose, where an administrator asks for another. */
const ofUser = { user_id: since('2.10', Type.Optional(Type.String())) };
const aboutOne = closedSince('2.75', Type.Object(ofUser));
const kind = Type.Union([Type.Literal('ssh'), Type.Literal('x509')]);

const brief = exactly({ name: Type.String(), fingerprint: Type.String(), public_key: Type.String(), type: since('2.2', Type.String()) });

const rule = (verb: string) => ({ rule: `os_compute_api:os-keypairs:${verb}`, who: 'user' }) as const;

export const keyPairs = operations({
  list: { method: 'GET', path: '/os-keypairs', summary: 'The key pairs of the user', access: rule('index'), stability: 'stable', query: closedSince('2.75', Type.Object({ ...ofUser, limit: since('2.35', paging.limit), marker: since('2.35', paging.marker) })), status: 200, response: exactly({ keypairs: Type.Array(exactly({ keypair: brief })), keypairs_links: since('2.35', Type.Optional(links)) }), list: { resource: 'keypair', show: 'show', parameter: 'keypair_name', ofUser: true } },
  show: {
    method: 'GET',
    path: '/os-keypairs/{keypair_name}',
    summary: 'One key pair',
    access: rule('show'),
    stability: 'stable',
    query: aboutOne,
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
      keypair: exactly({
        name: keyName,
        public_key: Type.Optional(Type.String({ maxLength: 65535 })),
        type: since('2.2', Type.Optional(kind)),
        user_id: since('2.10', Type.Optional(Type.String())),
        /** No client may say it: `changes` does for one up to 2.91 that brings no key. */
        generate: until('2.0', Type.Optional(Type.Literal(true))),
      }),
    }),
    status: 201,
    response: exactly({
      keypair: exactly({ name: Type.String(), fingerprint: Type.String(), public_key: Type.String(), user_id: Type.String(), private_key: Type.Optional(Type.String()), type: since('2.2', Type.String()) }),
    }),
  },
  delete: { method: 'DELETE', path: '/os-keypairs/{keypair_name}', summary: 'Delete a key pair; servers keep the public key they were given', access: rule('delete'), stability: 'stable', query: aboutOne, status: 204 },
});
