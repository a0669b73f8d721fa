/** The types of volumes that name none, project by project: cinder/api/v3/default_types.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';

const closed = { additionalProperties: false };
const admin = (rule: string) => ({ rule: `volume_extension:default_${rule}`, who: 'admin' }) as const;
const since = '3.62';
const DefaultType = Type.Object({ project_id: Type.String(), volume_type_id: Type.String() }, closed);
const One = Type.Object({ default_type: DefaultType }, closed);

export const defaultTypes = operations({
  list: {
    method: 'GET',
    path: '/default-types',
    summary: 'List the projects with a default type of their own',
    access: admin('get_all'),
    stability: 'stable',
    since,
    status: 200,
    response: Type.Object({ default_types: Type.Array(DefaultType) }, closed),
    list: { after: { volume_default_type: null } },
  },
  show: { method: 'GET', path: '/default-types/{project_id}', summary: 'Show the default type of a project', access: admin('get'), stability: 'stable', since, status: 200, response: One },
  set: {
    method: 'PUT',
    path: '/default-types/{project_id}',
    summary: 'Give a project a default type of its own',
    access: admin('set_or_update'),
    stability: 'stable',
    since,
    body: Type.Object({ default_type: Type.Object({ volume_type: Type.String({ minLength: 1, maxLength: 255 }) }, closed) }, closed),
    status: 200,
    response: One,
  },
  unset: { method: 'DELETE', path: '/default-types/{project_id}', summary: 'Let a project have the common default type', access: admin('unset'), stability: 'stable', since, status: 204 },
});
