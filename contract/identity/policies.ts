/** Documents of rules that services may fetch: keystone/api/policy.py. Nothing here reads them; contract/identity/policy.ts is what is asked. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Endpoint } from './catalog.ts';
import { Id, listOf, pageQuery, SelfLink } from './shapes.ts';

const Blob = Type.String({ maxLength: 1_000_000 });
const PolicyType = Type.String({ minLength: 1, maxLength: 255 });
// keystone logs it as deprecated as of Queens, and promises no end.
const deprecation = { since: '2018-02-28' };

export const PolicyDocument = Type.Object({ id: Type.String(), type: Type.String(), blob: Type.String(), links: SelfLink });
const Shown = Type.Object({ policy: PolicyDocument });

export const policies = operations({
  list: {
    method: 'GET',
    path: '/policies',
    summary: 'List policy documents',
    access: { rule: 'identity:list_policies', who: 'user', judged: true },
    stability: 'deprecated',
    deprecation,
    query: Type.Object({ ...pageQuery, type: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('policies', PolicyDocument),
    list: { resource: 'policy', show: 'show', parameter: 'policy_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/policies',
    summary: 'Keep a policy document',
    access: { rule: 'identity:create_policy', who: 'admin', judged: true },
    stability: 'deprecated',
    deprecation,
    body: Type.Object({ policy: Type.Object({ type: PolicyType, blob: Blob }) }),
    maxBodyBytes: 2 * 1024 * 1024,
    status: 201,
    response: Shown,
  },
  show: { method: 'GET', path: '/policies/{policy_id}', summary: 'Show a policy document', access: { rule: 'identity:get_policy', who: 'user', judged: true }, stability: 'deprecated', deprecation, status: 200, response: Shown },
  update: {
    method: 'PATCH',
    path: '/policies/{policy_id}',
    summary: 'Change a policy document',
    access: { rule: 'identity:update_policy', who: 'admin', judged: true },
    stability: 'deprecated',
    deprecation,
    body: Type.Object({ policy: Type.Object({ id: Type.Optional(Id), type: Type.Optional(PolicyType), blob: Type.Optional(Blob) }, { minProperties: 1 }) }),
    maxBodyBytes: 2 * 1024 * 1024,
    status: 200,
    response: Shown,
  },
  delete: { method: 'DELETE', path: '/policies/{policy_id}', summary: 'Delete a policy document', access: { rule: 'identity:delete_policy', who: 'admin', judged: true }, stability: 'deprecated', deprecation, status: 204 },
});

const associations = '/policies/{policy_id}/OS-ENDPOINT-POLICY';

/** The same three operations for each thing that a document may be for. */
export function associationsWith<const P extends string>(path: P, name: string) {
  const access = (verb: string, who: 'user' | 'admin') => ({ rule: `identity:${verb}_policy_association_for_${name}`, who, judged: true as const });
  return operations({
    check: { method: 'GET', path: `${associations}${path}`, summary: 'Ask whether a policy document is for this', access: access('check', 'user'), stability: 'stable', status: 204 },
    add: { method: 'PUT', path: `${associations}${path}`, summary: 'Use a policy document for this', access: access('create', 'admin'), stability: 'stable', status: 204 },
    remove: { method: 'DELETE', path: `${associations}${path}`, summary: 'Use a policy document for this no more', access: access('delete', 'admin'), stability: 'stable', status: 204 },
  });
}

export const endpointPolicies = associationsWith('/endpoints/{endpoint_id}', 'endpoint');
export const servicePolicies = associationsWith('/services/{service_id}', 'service');
export const regionPolicies = associationsWith('/services/{service_id}/regions/{region_id}', 'region_and_service');

export const policyEndpoints = operations({
  list: {
    method: 'GET',
    path: `${associations}/endpoints`,
    summary: 'List the endpoints that a policy document is for',
    access: { rule: 'identity:list_endpoints_for_policy', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: listOf('endpoints', Endpoint),
    list: { after: { policy: 'policy_id', endpoint: null, region: null } },
  },
  show: {
    method: 'GET',
    path: '/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy',
    summary: 'Show the policy document for an endpoint',
    access: { rule: 'identity:get_policy_for_endpoint', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
});
