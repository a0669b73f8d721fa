/** Where the caller may go: keystone/api/auth.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Catalog } from './catalog-entry.ts';
import { Domain } from './domains.ts';
import { Project } from './projects.ts';
import { listOf, pageQuery, SelfLink } from './shapes.ts';

export const scopes = operations({
  projects: {
    method: 'GET',
    path: '/auth/projects',
    summary: 'List the projects that you may work in',
    access: { rule: 'identity:get_auth_projects', who: 'user' },
    stability: 'stable',
    query: Type.Object(pageQuery),
    status: 200,
    response: listOf('projects', Project),
    list: { after: { role_assignment: null, group: null, project: null, domain: null } },
  },
  domains: {
    method: 'GET',
    path: '/auth/domains',
    summary: 'List the domains that you have a role in',
    access: { rule: 'identity:get_auth_domains', who: 'user' },
    stability: 'stable',
    query: Type.Object(pageQuery),
    status: 200,
    response: listOf('domains', Domain),
    list: { after: { role_assignment: null, group: null, domain: null } },
  },
  system: {
    method: 'GET',
    path: '/auth/system',
    summary: 'Ask whether you have a role in the whole system',
    access: { rule: 'identity:get_auth_system', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ system: Type.Array(Type.Object({ all: Type.Literal(true) })), links: SelfLink }),
    list: { after: { role_assignment: null, group: null } },
  },
  catalog: {
    method: 'GET',
    path: '/auth/catalog',
    summary: 'List where the services are',
    access: { rule: 'identity:get_auth_catalog', who: 'user' },
    stability: 'stable',
    status: 200,
    response: Type.Object({ catalog: Catalog, links: SelfLink }),
    list: { after: { service: null, endpoint: null, region: null } },
  },
});
