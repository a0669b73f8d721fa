/** Groups of hosts. nova/api/openstack/compute/aggregates.py */
import { Type } from 'typebox';
import { operations, since } from '../contract.ts';
import { exactly, hostName, metadataWithNull, name, nullableText, preciseTime, uuid, zoneName } from './fields.ts';

const admin = (verb: string) => ({ rule: `os_compute_api:os-aggregates:${verb}`, who: 'admin' }) as const;

const made = {
  id: Type.Integer(),
  uuid: since('2.41', Type.String()),
  name: Type.String(),
  availability_zone: nullableText,
  created_at: Type.String(),
  updated_at: preciseTime,
  deleted: Type.Boolean(),
  deleted_at: Type.Null(),
};
const aggregate = exactly({ ...made, hosts: Type.Array(Type.String()), metadata: Type.Record(Type.String(), Type.String()) });
const one = exactly({ aggregate });
const zone = Type.Optional(Type.Union([zoneName, Type.Null()]));

export const aggregates = operations({
  list: { method: 'GET', path: '/os-aggregates', summary: 'Groups of hosts', access: admin('index'), stability: 'stable', status: 200, response: exactly({ aggregates: Type.Array(aggregate) }), list: { resource: 'aggregate', show: 'show', parameter: 'aggregate_id', ofNoProject: true } },
  show: { method: 'GET', path: '/os-aggregates/{aggregate_id}', summary: 'One group of hosts', access: admin('show'), stability: 'stable', status: 200, response: one },
  create: {
    method: 'POST',
    path: '/os-aggregates',
    summary: 'Make a group of hosts, which may be an availability zone',
    access: admin('create'),
    stability: 'stable',
    body: exactly({ aggregate: exactly({ name, availability_zone: zone }) }),
    status: 200,
    response: exactly({ aggregate: exactly(made) }),
  },
  update: {
    method: 'PUT',
    path: '/os-aggregates/{aggregate_id}',
    summary: 'Give a group another name or zone',
    access: admin('update'),
    stability: 'stable',
    body: exactly({ aggregate: Type.Object({ name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\x00-\\x1f\\x7f]*[^\\s\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*$' })), availability_zone: zone }, { additionalProperties: false, minProperties: 1 }) }),
    status: 200,
    response: one,
  },
  delete: { method: 'DELETE', path: '/os-aggregates/{aggregate_id}', summary: 'Delete a group without hosts', access: admin('delete'), stability: 'stable', status: 200 },
  addHost: { method: 'POST', path: '/os-aggregates/{aggregate_id}/action', action: 'add_host', summary: 'Put a host into a group', access: admin('add_host'), stability: 'stable', body: exactly({ add_host: exactly({ host: hostName }) }), status: 200, response: one },
  removeHost: { method: 'POST', path: '/os-aggregates/{aggregate_id}/action', action: 'remove_host', summary: 'Take a host out of a group', access: admin('remove_host'), stability: 'stable', body: exactly({ remove_host: exactly({ host: hostName }) }), status: 200, response: one },
  setMetadata: {
    method: 'POST',
    path: '/os-aggregates/{aggregate_id}/action',
    action: 'set_metadata',
    summary: 'Say what hosts of a group are for',
    access: admin('set_metadata'),
    stability: 'stable',
    body: exactly({ set_metadata: exactly({ metadata: metadataWithNull }) }),
    status: 200,
    response: one,
  },
  cacheImages: {
    method: 'POST',
    path: '/os-aggregates/{aggregate_id}/images',
    since: '2.81',
    summary: 'Have images on the hosts before servers need them',
    access: { rule: 'compute:aggregates:images', who: 'admin' },
    stability: 'stable',
    body: exactly({ cache: Type.Array(exactly({ id: uuid }), { minItems: 1 }) }),
    status: 202,
  },
});
