/** Properties of a namespace: glance/api/v2/metadef_properties.py. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { closed, NamedProperty, Properties } from './definitions.ts';

const all = '/metadefs/namespaces/{namespace}/properties';
const one = `${all}/{property_name}` as const;

export const metadefProperties = operations({
  list: {
    method: 'GET',
    path: all,
    summary: 'List the properties of a namespace',
    access: { rule: 'get_metadef_properties', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ properties: Properties }, closed),
  },
  create: {
    method: 'POST',
    path: all,
    summary: 'Define a property',
    access: { rule: 'add_metadef_property', who: 'admin' },
    stability: 'stable',
    body: NamedProperty,
    status: 201,
    response: NamedProperty,
  },
  show: {
    method: 'GET',
    path: one,
    summary: 'Show a property, by the name that it has for a type of resource where one is given',
    access: { rule: 'get_metadef_property', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object({ resource_type: Type.Optional(Type.String()) }),
    status: 200,
    response: NamedProperty,
  },
  update: { method: 'PUT', path: one, summary: 'Define a property anew', access: { rule: 'modify_metadef_property', who: 'admin' }, stability: 'stable', body: NamedProperty, status: 200, response: NamedProperty },
  delete: { method: 'DELETE', path: one, summary: 'Delete a property', access: { rule: 'remove_metadef_property', who: 'admin' }, stability: 'stable', status: 204 },
  deleteAll: { method: 'DELETE', path: all, summary: 'Delete all properties of a namespace', access: { rule: 'delete_metadef_namespace', who: 'admin' }, stability: 'stable', status: 204 },
});
