/** Tags of a namespace: glance/api/v2/metadef_tags.py. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { closed, NewTag, Tag } from './definitions.ts';

const text = Type.Optional(Type.String());
const all = '/metadefs/namespaces/{namespace}/tags';
const one = `${all}/{tag_name}` as const;
const Tags = Type.Object({ tags: Type.Array(NewTag) }, closed);

export const metadefTags = operations({
  list: {
    method: 'GET',
    path: all,
    summary: 'List the tags of a namespace',
    access: { rule: 'get_metadef_tags', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object({ limit: text, marker: text, sort_key: text, sort_dir: text, visibility: text }),
    status: 200,
    response: Tags,
  },
  createAll: {
    method: 'POST',
    path: all,
    summary: 'Define the tags of a namespace, instead of those that it has or besides them',
    access: { rule: 'add_metadef_tags', who: 'admin' },
    stability: 'stable',
    body: Tags,
    status: 201,
    response: Tags,
  },
  create: { method: 'POST', path: one, summary: 'Define a tag', access: { rule: 'add_metadef_tag', who: 'admin' }, stability: 'stable', status: 201, response: Tag },
  show: { method: 'GET', path: one, summary: 'Show a tag', access: { rule: 'get_metadef_tag', who: 'reader', adminEverywhere: true }, stability: 'stable', status: 200, response: Tag },
  update: { method: 'PUT', path: one, summary: 'Rename a tag', access: { rule: 'modify_metadef_tag', who: 'admin' }, stability: 'stable', body: NewTag, status: 200, response: Tag },
  delete: { method: 'DELETE', path: one, summary: 'Delete a tag', access: { rule: 'delete_metadef_tag', who: 'admin' }, stability: 'stable', status: 204 },
  deleteAll: { method: 'DELETE', path: all, summary: 'Delete all tags of a namespace', access: { rule: 'delete_metadef_tags', who: 'admin' }, stability: 'stable', status: 204 },
});
