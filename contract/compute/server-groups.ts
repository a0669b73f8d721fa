/** nova/api/openstack/compute/server_groups.py */
import { Type } from 'typebox';
import { closedSince, operations, since, until } from '../contract.ts';
import { exactly, name, positiveInteger } from './fields.ts';

const hard = [Type.Literal('anti-affinity'), Type.Literal('affinity')] as const;
const policy = Type.Union([...hard, Type.Literal('soft-anti-affinity'), Type.Literal('soft-affinity')]);
/** Exactly one, up to 2.63. */
const policies = Type.Array(Type.Union([...hard, Type.Literal('soft-anti-affinity', { 'x-since': '2.15' }), Type.Literal('soft-affinity', { 'x-since': '2.15' })]), { minItems: 1, maxItems: 1 });

const group = exactly({
  id: Type.String(),
  name: Type.String(),
  policy: since('2.64', Type.String()),
  rules: since('2.64', exactly({ max_server_per_host: Type.Optional(Type.Integer()) })),
  policies: until('2.63', Type.Array(Type.String())),
  metadata: until('2.63', Type.Object({}, { additionalProperties: false })),
  members: Type.Array(Type.String()),
  project_id: since('2.13', Type.String()),
  user_id: since('2.13', Type.String()),
});

const access = (verb: string, who: 'reader' | 'member') => ({ rule: `os_compute_api:os-server-groups:${verb}`, who, adminEverywhere: true }) as const;

export const serverGroups = operations({
  list: {
    method: 'GET',
    path: '/os-server-groups',
    summary: 'Server groups of the project',
    access: access('index', 'reader'),
    stability: 'stable',
    query: closedSince('2.75', Type.Object({ all_projects: Type.Optional(Type.String()), limit: Type.Optional(Type.Integer({ minimum: 0 })), offset: Type.Optional(Type.Integer({ minimum: 0 })) })),
    status: 200,
    response: exactly({ server_groups: Type.Array(group) }),
    list: { resource: 'server_group', show: 'show', parameter: 'server_group_id' },
  },
  show: { method: 'GET', path: '/os-server-groups/{server_group_id}', summary: 'One server group', access: access('show', 'reader'), stability: 'stable', status: 200, response: exactly({ server_group: group }) },
  create: {
    method: 'POST',
    path: '/os-server-groups',
    summary: 'Say how servers keep together or apart',
    access: { rule: 'os_compute_api:os-server-groups:create', who: 'member' },
    stability: 'stable',
    body: exactly({
      server_group: exactly({
        name,
        policies: until('2.63', Type.Optional(policies)),
        policy: since('2.64', Type.Optional(policy)),
        rules: since('2.64', Type.Optional(exactly({ max_server_per_host: Type.Optional(positiveInteger) }))),
      }),
    }),
    status: 200,
    response: exactly({ server_group: group }),
  },
  delete: { method: 'DELETE', path: '/os-server-groups/{server_group_id}', summary: 'Forget a server group; its servers stay where they are', access: access('delete', 'member'), stability: 'stable', status: 204 },
});
