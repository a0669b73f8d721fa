/** The places of one cloud: each with its own services and database, all with one identity. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Moment } from '../native.ts';

/** Short, because it is part of the paths of sockets; and in the name of a database. */
export const RegionName = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9-]{0,25}$', description: 'Letters, digits and hyphens; as in the catalog' });
export const Address = Type.String({ pattern: '^https?://[^/\\s?#]{1,255}$', description: 'http://host:port' });

export const Region = Type.Object(
  {
    name: Type.String(),
    /** `invited` until it has joined. */
    status: Type.Union([Type.Literal('invited'), Type.Literal('joined')]),
    /** Whether home's own processes serve it. */
    first: Type.Boolean(),
    driver: Type.Union([Type.String(), Type.Null()]),
    url: Type.Union([Type.String(), Type.Null()]),
    /** When it last asked home for anything. */
    seen_at: Type.Union([Moment, Type.Null()]),
    created_at: Moment,
  },
  { additionalProperties: false },
);

const Invited = Type.Object(
  {
    region: Region,
    /** Shown this once. It proves whose place it is and is never sent: see `invitations.ts`. */
    invitation: Type.String(),
    valid_until: Moment,
  },
  { additionalProperties: false },
);

export const regions = operations({
  list: {
    method: 'GET',
    path: '/regions',
    summary: 'List the regions of this cloud',
    access: { rule: 'federation:list_regions', who: 'admin' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ regions: Type.Array(Region) }, { additionalProperties: false }),
    list: { after: {}, byItself: true },
  },
  create: {
    method: 'POST',
    path: '/regions',
    summary: 'Invite a region; again for one that was invited and never came',
    access: { rule: 'federation:create_region', who: 'admin' },
    stability: 'stable',
    body: Type.Object({ name: RegionName }, { additionalProperties: false }),
    status: 201,
    response: Invited,
  },
  show: {
    method: 'GET',
    path: '/regions/{region}',
    summary: 'Show a region',
    access: { rule: 'federation:get_region', who: 'admin' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ region: Region }, { additionalProperties: false }),
  },
  delete: {
    method: 'DELETE',
    path: '/regions/{region}',
    summary: 'Part with a region: its endpoints, its user and its leases are gone, what it holds is not touched',
    access: { rule: 'federation:delete_region', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
  join: {
    method: 'POST',
    path: '/regions/{region}/join',
    summary: 'Take the place that one was invited to, once; asked by the region itself, again until it has the answer',
    access: { rule: 'federation:join', who: 'anyone' },
    stability: 'stable',
    body: Type.Object({ proof: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' }), url: Address, driver: Type.String({ minLength: 1, maxLength: 64 }) }, { additionalProperties: false }),
    status: 200,
    /** `Membership` of `invitations.ts`, sealed: only who has the invitation can open it. */
    response: Type.Object({ sealed: Type.String() }, { additionalProperties: false }),
    effects: 'own',
  },
});
