/** Namespaces of metadata: glance/api/v2/metadef_namespaces.py. */
import { Type } from 'typebox';
import { operations } from '../../contract.ts';
import { closed, Namespace, NewNamespace } from './definitions.ts';

const text = Type.Optional(Type.String());
const path = '/metadefs/namespaces/{namespace}';
const looks = { rule: 'get_metadef_namespace', who: 'reader', adminEverywhere: true } as const;

export const metadefNamespaces = operations({
  list: {
    method: 'GET',
    path: '/metadefs/namespaces',
    summary: 'List namespaces of metadata definitions',
    access: { rule: 'get_metadef_namespaces', who: 'reader', adminEverywhere: true },
    stability: 'stable',
    query: Type.Object({ limit: text, marker: text, sort_key: text, sort_dir: text, visibility: text, resource_types: text }),
    status: 200,
    response: Type.Object({ namespaces: Type.Array(Namespace), first: Type.String(), next: Type.Optional(Type.String()), schema: Type.String() }, closed),
  },
  create: {
    method: 'POST',
    path: '/metadefs/namespaces',
    summary: 'Create a namespace, with what is in it',
    access: { rule: 'add_metadef_namespace', who: 'admin' },
    stability: 'stable',
    body: NewNamespace,
    status: 201,
    response: Namespace,
  },
  show: {
    method: 'GET',
    path,
    summary: 'Show a namespace with all that it defines',
    access: looks,
    stability: 'stable',
    query: Type.Object({ resource_type: text }),
    status: 200,
    response: Namespace,
  },
  update: {
    method: 'PUT',
    path,
    summary: 'Describe a namespace anew',
    access: { rule: 'modify_metadef_namespace', who: 'admin' },
    stability: 'stable',
    body: NewNamespace,
    status: 200,
    response: Namespace,
  },
  delete: {
    method: 'DELETE',
    path,
    summary: 'Delete a namespace with all that it defines',
    access: { rule: 'delete_metadef_namespace', who: 'admin' },
    stability: 'stable',
    status: 204,
  },
});
