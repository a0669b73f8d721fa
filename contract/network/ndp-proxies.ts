import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { address, id, links, listQuery, name, nullable, owner, showQuery, shownOwner, shownStandard, strict, text, wishRules } from './attributes.ts';

const Proxy = Type.Object({ ...shownOwner, ...shownStandard, name: Type.String(), router_id: Type.String(), port_id: Type.String(), ip_address: Type.String() });

const settable = { name: Type.Optional(name), description: Type.Optional(text(1024)) };
const NewProxy = Type.Object({ ...owner, ...settable, router_id: id, port_id: id, ip_address: Type.Optional(nullable(address)) }, strict);

export const ndpProxies = operations({
  list: {
    method: 'GET', path: '/ndp_proxies', summary: 'List addresses for which routers answer outside', stability: 'stable',
    access: { rule: 'get_ndp_proxy', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'name', 'project_id', 'tenant_id', 'description', 'revision_number', 'router_id', 'port_id', 'ip_address']),
    status: 200,
    response: Type.Object({ ndp_proxies: Type.Array(Type.Partial(Proxy)), ndp_proxies_links: Type.Optional(links) }),
    list: { resource: 'ndp_proxy', show: 'show', parameter: 'ndp_proxy_id' },
  },
  create: {
    method: 'POST', path: '/ndp_proxies', summary: 'Let a router answer outside for an IPv6 address of a port behind it', stability: 'stable',
    access: { rule: 'create_ndp_proxy', who: 'member', adminEverywhere: true },
    body: Type.Object({ ndp_proxy: Type.Optional(NewProxy), ndp_proxies: Type.Optional(Type.Array(NewProxy, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ ndp_proxy: Type.Optional(Proxy), ndp_proxies: Type.Optional(Type.Array(Proxy)) }),
  },
  show: {
    method: 'GET', path: '/ndp_proxies/{ndp_proxy_id}', summary: 'Show an address for which a router answers outside', stability: 'stable',
    access: { rule: 'get_ndp_proxy', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ ndp_proxy: Type.Partial(Proxy) }),
  },
  update: {
    method: 'PUT', path: '/ndp_proxies/{ndp_proxy_id}', summary: 'Name an address for which a router answers outside', stability: 'stable',
    access: { rule: 'update_ndp_proxy', who: 'member', adminEverywhere: true },
    body: Type.Object({ ndp_proxy: Type.Object(settable, strict) }, strict),
    status: 200,
    response: Type.Object({ ndp_proxy: Proxy }),
  },
  delete: {
    method: 'DELETE', path: '/ndp_proxies/{ndp_proxy_id}', summary: 'Let a router answer outside for an address no more', stability: 'stable',
    access: { rule: 'delete_ndp_proxy', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
