import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, strict, text, wishRules } from './attributes.ts';

const modes = ['translate', 'passthrough'] as const;
const LocalIp = Type.Object({
  ...shownOwner, ...shownStandard, name: Type.String(), local_port_id: Type.String(), network_id: Type.String(), local_ip_address: Type.String(), ip_mode: Type.Enum([...modes]),
});
const PortAssociation = Type.Object({ local_ip_id: Type.String(), local_ip_address: Type.String(), fixed_port_id: Type.String(), fixed_ip: Type.String(), host: Type.String() });

const settable = { name: Type.Optional(name), description: Type.Optional(text(1024)) };
const NewLocalIp = Type.Object(
  { ...owner, ...settable, local_port_id: Type.Optional(id), network_id: Type.Optional(id), local_ip_address: Type.Optional(nullable(address)), ip_mode: Type.Optional(Type.Enum([...modes])) },
  strict,
);
const NewAssociation = Type.Object({ ...owner, fixed_port_id: id, fixed_ip: Type.Optional(nullable(address)) }, strict);

export const localIps = operations({
  list: {
    method: 'GET', path: '/local_ips', summary: 'List addresses that each host’s guests have to themselves', stability: 'stable',
    access: { rule: 'get_local_ip', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'name', 'project_id', 'tenant_id', 'description', 'revision_number', 'local_port_id', 'network_id', 'local_ip_address', 'ip_mode']),
    status: 200,
    response: Type.Object({ local_ips: Type.Array(Type.Partial(LocalIp)), local_ips_links: Type.Optional(links) }),
    list: { resource: 'local_ip', show: 'show', parameter: 'local_ip_id' },
  },
  create: {
    method: 'POST', path: '/local_ips', summary: 'Make an address that each host’s guests have to themselves', stability: 'stable',
    access: { rule: 'create_local_ip', who: 'member', adminEverywhere: true },
    body: Type.Object({ local_ip: Type.Optional(NewLocalIp), local_ips: Type.Optional(Type.Array(NewLocalIp, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ local_ip: Type.Optional(LocalIp), local_ips: Type.Optional(Type.Array(LocalIp)) }),
  },
  show: {
    method: 'GET', path: '/local_ips/{local_ip_id}', summary: 'Show an address that each host’s guests have to themselves', stability: 'stable',
    access: { rule: 'get_local_ip', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ local_ip: Type.Partial(LocalIp) }),
  },
  update: {
    method: 'PUT', path: '/local_ips/{local_ip_id}', summary: 'Name an address that each host’s guests have to themselves', stability: 'stable',
    access: { rule: 'update_local_ip', who: 'member', adminEverywhere: true },
    body: Type.Object({ local_ip: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ local_ip: LocalIp }),
  },
  delete: {
    method: 'DELETE', path: '/local_ips/{local_ip_id}', summary: 'Delete an address to which no port answers', stability: 'stable',
    access: { rule: 'delete_local_ip', who: 'member', adminEverywhere: true },
    status: 204,
  },
});

const path = '/local_ips/{local_ip_id}/port_associations' as const;
const one = `${path}/{fixed_port_id}` as const;

export const localIpAssociations = operations({
  list: {
    method: 'GET', path, summary: 'List the ports that answer to an address on their hosts', stability: 'stable',
    access: { rule: 'get_local_ip_port_association', who: 'reader', adminEverywhere: true },
    query: listQuery(['local_ip_address', 'fixed_port_id', 'fixed_ip', 'host']),
    status: 200,
    response: Type.Object({ port_associations: Type.Array(Type.Partial(PortAssociation)), port_associations_links: Type.Optional(links) }),
    list: { after: { local_ip: 'local_ip_id' } },
  },
  create: {
    method: 'POST', path, summary: 'Let a port answer to an address on its host', stability: 'stable',
    access: { rule: 'create_local_ip_port_association', who: 'member', adminEverywhere: true },
    body: Type.Object({ port_association: NewAssociation }, strict),
    status: 201,
    response: Type.Object({ port_association: PortAssociation }),
  },
  show: {
    method: 'GET', path: one, summary: 'Show how a port answers to an address', stability: 'stable',
    access: { rule: 'get_local_ip_port_association', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ port_association: Type.Partial(PortAssociation) }),
  },
  delete: {
    method: 'DELETE', path: one, summary: 'Let a port answer to an address no more', stability: 'stable',
    access: { rule: 'delete_local_ip_port_association', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
