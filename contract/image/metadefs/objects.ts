/** Objects of a namespace: glance/api/v2/metadef_objects.py. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { closed, MetadefObject, NewObject } from './definitions.ts';

const text = Type.Optional(Type.String());
const all = '/metadefs/namespaces/{namespace}/objects';
const one = `${all}/{object_name}` as const;

export const metadefObjects = operations({
  list: {
    method: 'GET',
    path: all,
    summary: 'List the objects of a namespace',
    access: { rule: 'get_metadef_objects', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object({ limit: text, marker: text, sort_key: text, sort_dir: text, visibility: text }),
    status: 200,
    response: Type.Object({ objects: Type.Array(MetadefObject), schema: Type.String() }, closed),
  },
  create: {
    method: 'POST',
    path: all,
    summary: 'Define an object',
    access: { rule: 'add_metadef_object', who: 'admin' },
    stability: 'stable',
    body: NewObject,
    status: 201,
    response: MetadefObject,
  },
  show: { method: 'GET', path: one, summary: 'Show an object', access: { rule: 'get_metadef_object', who: 'reader', adminEverywhere: true }, stability: 'stable', status: 200, response: MetadefObject },
  update: { method: 'PUT', path: one, summary: 'Define an object anew', access: { rule: 'modify_metadef_object', who: 'admin' }, stability: 'stable', body: NewObject, status: 200, response: MetadefObject },
  delete: { method: 'DELETE', path: one, summary: 'Delete an object', access: { rule: 'delete_metadef_object', who: 'admin' }, stability: 'stable', status: 204 },
  deleteAll: { method: 'DELETE', path: all, summary: 'Delete all objects of a namespace', access: { rule: 'delete_metadef_namespace', who: 'admin' }, stability: 'stable', status: 204 },
});
