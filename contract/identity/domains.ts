/** keystone/resource/schema.py, domain. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, nameFilters, Options, pageQuery, SelfLink } from './shapes.ts';

const given = { description: Type.Optional(Description), enabled: Type.Optional(Type.Boolean()), options: Type.Optional(Options) };
// A domain is stored as a project, and a project's name is no longer.
const DomainName = Type.String({ minLength: 1, maxLength: 64, pattern: '\\S' });
const NewDomain = Type.Object({ domain: Type.Object({ name: DomainName, explicit_domain_id: Type.Optional(Type.String({ pattern: '^[a-fA-F0-9]{32}$' })), ...given }) });
const DomainChange = Type.Object({ domain: Type.Object({ id: Type.Optional(Id), name: Type.Optional(DomainName), ...given }) });

export const Domain = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: Description,
  enabled: Type.Boolean(),
  tags: Type.Array(Type.String()),
  options: Options,
  links: SelfLink,
});
const Shown = Type.Object({ domain: Domain });

export const domains = operations({
  list: {
    method: 'GET',
    path: '/domains',
    summary: 'List domains',
    access: { rule: 'identity:list_domains', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, enabled: Type.Optional(Type.Boolean()) }),
    status: 200,
    response: listOf('domains', Domain),
    list: { resource: 'domain', show: 'show', parameter: 'domain_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/domains',
    summary: 'Create a domain',
    access: { rule: 'identity:create_domain', who: 'admin', judged: true },
    stability: 'stable',
    body: NewDomain,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/domains/{domain_id}',
    summary: 'Show a domain',
    access: { rule: 'identity:get_domain', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/domains/{domain_id}',
    summary: 'Change a domain',
    access: { rule: 'identity:update_domain', who: 'admin', judged: true },
    stability: 'stable',
    body: DomainChange,
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/domains/{domain_id}',
    summary: 'Delete a disabled domain and all that is in it',
    access: { rule: 'identity:delete_domain', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
});
