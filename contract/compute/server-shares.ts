/** Directories that servers share with others. nova/api/openstack/compute/server_shares.py */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { exactly, uuid } from './fields.ts';

const access = (verb: string, who: 'reader' | 'member') => ({ rule: `os_compute_api:os-server-shares:${verb}`, who, adminEverywhere: true }) as const;
const from = { since: '2.97', stability: 'stable' } as const;

const status = Type.Union([Type.Literal('attaching'), Type.Literal('inactive'), Type.Literal('active'), Type.Literal('detaching'), Type.Literal('error')]);
const brief = { share_id: Type.String(), status, tag: Type.String() };
const share = exactly({ share: exactly({ ...brief, export_location: Type.Optional(Type.String()), uuid: Type.Optional(Type.String()) }) });

export const serverShares = operations({
  list: { ...from, method: 'GET', path: '/servers/{server_id}/shares', summary: 'Shares that it has', access: access('index', 'reader'), query: exactly({}), status: 200, response: exactly({ shares: Type.Array(exactly(brief)) }) },
  show: { ...from, method: 'GET', path: '/servers/{server_id}/shares/{share_id}', summary: 'One share that it has', access: access('show', 'reader'), query: exactly({}), status: 200, response: share },
  attach: {
    ...from,
    method: 'POST',
    path: '/servers/{server_id}/shares',
    summary: 'Give it a share, while it is stopped',
    access: access('create', 'member'),
    body: exactly({ share: exactly({ share_id: uuid, tag: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9-]*$' })) }) }),
    status: 201,
    response: share,
  },
  detach: { ...from, method: 'DELETE', path: '/servers/{server_id}/shares/{share_id}', summary: 'Take a share from it, while it is stopped', access: access('delete', 'member'), status: 200 },
});
