import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { links, listQuery, nullable, showQuery, strict, text } from './attributes.ts';

const PortBinding = Type.Object({
  host: Type.String(),
  vif_type: Type.Enum(['ovs', 'unbound']),
  vif_details: Type.Record(Type.String(), Type.Unknown()),
  vnic_type: Type.String(),
  profile: Type.Record(Type.String(), Type.Unknown()),
  status: Type.Enum(['ACTIVE', 'INACTIVE']),
});

const host = Type.String({ minLength: 1, maxLength: 255 });
const settable = { vnic_type: Type.Optional(Type.Enum(['normal'])), profile: Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))) };
const path = '/ports/{port_id}/bindings' as const;
const one = `${path}/{host}` as const;

export const portBindings = operations({
  list: {
    method: 'GET', path, summary: 'List the hosts to which a port is bound', stability: 'stable',
    access: { rule: 'get_port_binding', who: 'service', adminEverywhere: true },
    query: listQuery(['host', 'vif_type', 'vnic_type', 'status']),
    status: 200,
    response: Type.Object({ bindings: Type.Array(Type.Partial(PortBinding)), bindings_links: Type.Optional(links) }),
    list: { after: { port: 'port_id' } },
  },
  create: {
    method: 'POST', path, summary: 'Bind a port to one more host', stability: 'stable',
    access: { rule: 'create_port_binding', who: 'service', adminEverywhere: true },
    body: Type.Object({ binding: Type.Object({ host, ...settable, project_id: Type.Optional(text(255)) }, strict) }, strict),
    status: 201,
    response: Type.Object({ binding: PortBinding }),
  },
  show: {
    method: 'GET', path: one, summary: 'Show how a port is bound to a host', stability: 'stable',
    access: { rule: 'get_port_binding', who: 'service', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ binding: Type.Partial(PortBinding) }),
  },
  update: {
    method: 'PUT', path: one, summary: 'Update how a port is bound to a host', stability: 'stable',
    access: { rule: 'create_port_binding', who: 'service', adminEverywhere: true },
    body: Type.Object({ binding: Type.Object({ host: Type.Optional(host), ...settable }, strict) }, strict),
    status: 200,
    response: Type.Object({ binding: PortBinding }),
  },
  activate: {
    method: 'PUT', path: `${one}/activate`, summary: 'Move a port to another of its hosts', stability: 'stable',
    access: { rule: 'activate', who: 'service', adminEverywhere: true },
    status: 200,
    response: PortBinding,
  },
  delete: {
    method: 'DELETE', path: one, summary: 'Let a host go of a port', stability: 'stable',
    access: { rule: 'delete_port_binding', who: 'service', adminEverywhere: true },
    status: 204,
  },
});
