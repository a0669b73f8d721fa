/** How fast volumes are to be: cinder/api/contrib/qos_specs_manage.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { filter, Links, orNull, paging } from './volume.ts';

const closed = { additionalProperties: false };
const admin = (rule: string) => ({ rule: `volume_extension:qos_specs_manage:${rule}`, who: 'admin' }) as const;

const Specs = Type.Record(Type.String({ minLength: 1, maxLength: 255 }), orNull(Type.String({ maxLength: 255 })));
const QosSpec = Type.Object({ id: Type.String(), name: Type.String(), consumer: Type.Enum(['front-end', 'back-end', 'both']), specs: Specs }, closed);
const One = Type.Object({ qos_specs: QosSpec, links: Links }, closed);
const which = Type.Object({ vol_type_id: Type.Optional(Type.String()) });

export const qosSpecs = operations({
  list: {
    method: 'GET',
    path: '/qos-specs',
    summary: 'List QoS specifications',
    access: admin('get_all'),
    stability: 'stable',
    query: Type.Object({ ...paging, id: filter, name: filter, consumer: filter }),
    status: 200,
    response: Type.Object({ qos_specs: Type.Array(QosSpec), qos_specs_links: Type.Optional(Links) }, closed),
    list: { resource: 'volume_qos_spec', show: 'show', parameter: 'qos_id', ofNoProject: true },
  },
  show: { method: 'GET', path: '/qos-specs/{qos_id}', summary: 'Show a QoS specification', access: admin('get'), stability: 'stable', status: 200, response: One },
  create: {
    method: 'POST',
    path: '/qos-specs',
    summary: 'Specify how fast volumes are to be',
    access: admin('create'),
    stability: 'stable',
    body: Type.Object({ qos_specs: Type.Object({ name: Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' }) }, { additionalProperties: orNull(Type.String({ maxLength: 255 })) }) }, closed),
    status: 200,
    response: One,
  },
  update: {
    method: 'PUT',
    path: '/qos-specs/{qos_id}',
    summary: 'Write keys of a QoS specification',
    access: admin('update'),
    stability: 'stable',
    body: Type.Object({ qos_specs: Specs }, closed),
    status: 200,
    response: Type.Object({ qos_specs: Specs }, closed),
  },
  deleteKeys: {
    method: 'PUT',
    path: '/qos-specs/{qos_id}/delete_keys',
    summary: 'Delete keys of a QoS specification',
    access: admin('delete'),
    stability: 'stable',
    body: Type.Object({ keys: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { uniqueItems: true }) }, closed),
    status: 202,
  },
  delete: { method: 'DELETE', path: '/qos-specs/{qos_id}', summary: 'Delete a QoS specification that no type has', access: admin('delete'), stability: 'stable', query: Type.Object({ force: Type.Optional(Type.Boolean()) }), status: 202 },
  associations: {
    method: 'GET',
    path: '/qos-specs/{qos_id}/associations',
    summary: 'List the types that have it',
    access: admin('get_all'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ qos_associations: Type.Array(Type.Object({ association_type: Type.String(), name: Type.String(), id: Type.String() }, closed)) }, closed),
    list: { after: { volume_qos_spec: 'qos_id' } },
  },
  // Cinder changes things by GET here.
  associate: { method: 'GET', path: '/qos-specs/{qos_id}/associate', summary: 'Give it to a type', access: admin('update'), stability: 'stable', effects: 'transaction', query: which, status: 202 },
  disassociate: { method: 'GET', path: '/qos-specs/{qos_id}/disassociate', summary: 'Take it from a type', access: admin('update'), stability: 'stable', effects: 'transaction', query: which, status: 202 },
  disassociateAll: { method: 'GET', path: '/qos-specs/{qos_id}/disassociate_all', summary: 'Take it from all types', access: admin('update'), stability: 'stable', effects: 'transaction', status: 202 },
});
