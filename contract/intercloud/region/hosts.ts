/** The machines that joined a region, besides the one that it runs on: who may join, who has, and whose key counts no more. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Id, Moment } from '../native.ts';

/** As clients see the host. */
export const HostName = Type.String({ pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$', description: 'Letters, digits, hyphens and dots' });

export const Host = Type.Object(
  {
    id: Id,
    name: Type.String(),
    /** `invited` until it has joined, and again when its key was taken back. */
    status: Type.Union([Type.Literal('invited'), Type.Literal('joined')]),
    /** Of its public key: what it is known by. Null until it has joined. */
    key_sha256: Type.Union([Type.String(), Type.Null()]),
    /** When it was last connected: while it is, this is not older than seconds. */
    seen_at: Type.Union([Moment, Type.Null()]),
    servers: Type.Integer({ description: 'How many it was given' }),
    created_at: Moment,
  },
  { additionalProperties: false },
);

const Invited = Type.Object(
  {
    host: Host,
    /** Shown this once. Whoever has it can become this host until then, once. */
    secret: Type.String(),
    valid_until: Moment,
  },
  { additionalProperties: false },
);
const One = Type.Object({ host: Host }, { additionalProperties: false });

export const hosts = operations({
  list: {
    method: 'GET',
    path: '/hosts',
    summary: 'List the hosts that were invited or have joined',
    access: { rule: 'region:list_hosts', who: 'admin' },
    stability: 'experimental',
    status: 200,
    response: Type.Object({ hosts: Type.Array(Host) }, { additionalProperties: false }),
    list: { after: { host: null }, byItself: true },
  },
  create: {
    method: 'POST',
    path: '/hosts',
    summary: 'Invite a host; again for one that was invited and never came',
    access: { rule: 'region:create_host', who: 'admin' },
    stability: 'experimental',
    body: Type.Object({ name: HostName }, { additionalProperties: false }),
    status: 201,
    response: Invited,
  },
  show: {
    method: 'GET',
    path: '/hosts/{host_id}',
    summary: 'Show a host',
    access: { rule: 'region:get_host', who: 'admin' },
    stability: 'experimental',
    status: 200,
    response: One,
  },
  renew: {
    method: 'POST',
    path: '/hosts/{host_id}/invitation',
    summary: 'Take back the key of a host, at once, and invite it again: it keeps its servers, and nobody is heard in its name until it has joined with another key',
    access: { rule: 'region:renew_host', who: 'admin' },
    stability: 'experimental',
    status: 201,
    response: Invited,
  },
  delete: {
    method: 'DELETE',
    path: '/hosts/{host_id}',
    summary: 'Part with a host that has no servers; its key is worth nothing from now on',
    access: { rule: 'region:delete_host', who: 'admin' },
    stability: 'experimental',
    status: 204,
  },
});
