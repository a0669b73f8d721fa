/** For which types of resources a namespace is: glance/api/v2/metadef_resource_types.py. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { Association, closed, NewAssociation, ResourceType } from './definitions.ts';

const all = '/metadefs/namespaces/{namespace}/resource_types';

export const metadefResourceTypes = operations({
  list: {
    method: 'GET',
    path: '/metadefs/resource_types',
    summary: 'List the types of resources that can have metadata',
    access: { rule: 'list_metadef_resource_types', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ resource_types: Type.Array(ResourceType) }, closed),
  },
  associations: {
    method: 'GET',
    path: all,
    summary: 'List for which types of resources a namespace is',
    access: { rule: 'get_metadef_resource_type', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ resource_type_associations: Type.Array(Association) }, closed),
  },
  associate: {
    method: 'POST',
    path: all,
    summary: 'Say that a namespace is for a type of resources',
    access: { rule: 'add_metadef_resource_type_association', who: 'admin' },
    stability: 'stable',
    body: NewAssociation,
    status: 201,
    response: Association,
  },
  dissociate: {
    method: 'DELETE',
    path: `${all}/{resource_type}`,
    summary: 'Say that a namespace is not for a type of resources any more',
    access: { rule: 'remove_metadef_resource_type_association', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
});
