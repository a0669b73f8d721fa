/** What kinds of groups of volumes there are: cinder/api/v3/group_types.py, group_specs.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { filter, Flag, Links, orNull, paging, Text } from './volume.ts';

const closed = { additionalProperties: false };
const reader = (rule: string) => ({ rule, who: 'reader', adminEverywhere: true }) as const;
const admin = (rule: string) => ({ rule, who: 'admin' }) as const;
const since = '3.11';

const Specs = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_:.-]{1,255}$' }), orNull(Type.String({ maxLength: 255 })), closed);
const GroupType = Type.Object({ id: Type.String(), name: Type.String(), description: orNull(Type.String()), is_public: Type.Boolean(), group_specs: Type.Optional(Specs) }, closed);
const One = Type.Object({ group_type: GroupType }, closed);
const OneSpec = Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_:.-]{1,255}$' }), orNull(Type.String({ maxLength: 255 })), { ...closed, minProperties: 1, maxProperties: 1 });
const specs = { after: { volume_group_type: 'group_type_id' } } as const;

export const groupTypes = operations({
  list: {
    method: 'GET',
    path: '/group_types',
    summary: 'List kinds of groups',
    access: reader('group:access_group_types_specs'),
    stability: 'stable',
    since,
    query: Type.Object({ ...paging, is_public: filter }),
    status: 200,
    response: Type.Object({ group_types: Type.Array(GroupType), group_type_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_group_type', show: 'show', parameter: 'group_type_id', ofNoProject: true },
  },
  default: { method: 'GET', path: '/group_types/default', summary: 'Show the kind of groups that name none', access: reader('group:access_group_types_specs'), stability: 'stable', since, status: 200, response: One },
  show: { method: 'GET', path: '/group_types/{group_type_id}', summary: 'Show a kind of groups', access: reader('group:access_group_types_specs'), stability: 'stable', since, status: 200, response: One },
  create: {
    method: 'POST',
    path: '/group_types',
    summary: 'Make a kind of groups',
    access: admin('group:group_types:create'),
    stability: 'stable',
    since,
    body: Type.Object({ group_type: Type.Object({ name: Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' }), description: Type.Optional(orNull(Text)), is_public: Type.Optional(Flag), group_specs: Type.Optional(orNull(Specs)) }, closed) }, closed),
    status: 202,
    response: One,
  },
  update: {
    method: 'PUT',
    path: '/group_types/{group_type_id}',
    summary: 'Change a kind of groups',
    access: admin('group:group_types:update'),
    stability: 'stable',
    since,
    body: Type.Object({ group_type: Type.Object({ name: Type.Optional(orNull(Text)), description: Type.Optional(orNull(Text)), is_public: Type.Optional(Flag) }, closed) }, closed),
    status: 200,
    response: One,
  },
  delete: { method: 'DELETE', path: '/group_types/{group_type_id}', summary: 'Delete a kind of which there is no group', access: admin('group:group_types:delete'), stability: 'stable', since, status: 202 },
  specs: {
    method: 'GET',
    path: '/group_types/{group_type_id}/group_specs',
    summary: 'List what groups of this kind can do',
    access: admin('group:group_types_specs:get_all'),
    stability: 'stable',
    since,
    status: 200,
    response: Type.Object({ group_specs: Specs }, closed),
    list: specs,
  },
  addSpecs: {
    method: 'POST',
    path: '/group_types/{group_type_id}/group_specs',
    summary: 'Say what groups of this kind can do',
    access: admin('group:group_types_specs:create'),
    stability: 'stable',
    since,
    body: Type.Object({ group_specs: Specs }, closed),
    status: 202,
    response: Type.Object({ group_specs: Specs }, closed),
  },
  spec: { method: 'GET', path: '/group_types/{group_type_id}/group_specs/{key}', summary: 'Show a spec', access: admin('group:group_types_specs:get'), stability: 'stable', since, status: 200, response: Specs },
  setSpec: {
    method: 'PUT',
    path: '/group_types/{group_type_id}/group_specs/{key}',
    summary: 'Write a spec',
    access: admin('group:group_types_specs:update'),
    stability: 'stable',
    since,
    body: OneSpec,
    status: 200,
    response: Specs,
  },
  deleteSpec: { method: 'DELETE', path: '/group_types/{group_type_id}/group_specs/{key}', summary: 'Delete a spec', access: admin('group:group_types_specs:delete'), stability: 'stable', since, status: 202 },
});
