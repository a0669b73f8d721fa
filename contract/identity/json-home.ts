/** Where things are, for clients that ask with `Accept: application/json-home`: keystone/common/json_home.py. */
import type { Operations } from '../contract.ts';

/** The name of each path; before the colon, of the extension that it comes from. */
const relations: Readonly<Record<string, string>> = {
  '/auth/tokens': 'auth_tokens',
  '/auth/catalog': 'auth_catalog',
  '/auth/system': 'auth_system',
  '/auth/projects': 'OS-FEDERATION:projects',
  '/auth/domains': 'OS-FEDERATION:domains',
  '/auth/tokens/OS-PKI/revoked': 'OS-PKI:revocations',
  '/OS-REVOKE/events': 'OS-REVOKE:events',
  '/ec2tokens': 'OS-EC2:ec2tokens',
  '/s3tokens': 's3tokens:s3tokens',
  '/credentials': 'credentials',
  '/credentials/{credential_id}': 'credential',
  '/domains': 'domains',
  '/domains/{domain_id}': 'domain',
  '/domains/config/default': 'domain_config_default',
  '/domains/config/{group}/default': 'domain_config_default_group',
  '/domains/config/{group}/{option}/default': 'domain_config_default_option',
  '/domains/{domain_id}/config': 'domain_config',
  '/domains/{domain_id}/config/{group}': 'domain_config_group',
  '/domains/{domain_id}/config/{group}/{option}': 'domain_config_option',
  '/domains/{domain_id}/groups/{group_id}/roles': 'domain_group_roles',
  '/domains/{domain_id}/groups/{group_id}/roles/{role_id}': 'domain_group_role',
  '/domains/{domain_id}/users/{user_id}/roles': 'domain_user_roles',
  '/domains/{domain_id}/users/{user_id}/roles/{role_id}': 'domain_user_role',
  '/endpoints': 'endpoints',
  '/endpoints/{endpoint_id}': 'endpoint',
  '/endpoints/{endpoint_id}/OS-ENDPOINT-POLICY/policy': 'OS-ENDPOINT-POLICY:endpoint_policy',
  '/groups': 'groups',
  '/groups/{group_id}': 'group',
  '/groups/{group_id}/users': 'group_users',
  '/groups/{group_id}/users/{user_id}': 'group_user',
  '/limits': 'limits',
  '/limits/model': 'limit_model',
  '/limits/{limit_id}': 'limit',
  '/policies': 'policies',
  '/policies/{policy_id}': 'policy',
  '/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints': 'OS-ENDPOINT-POLICY:policy_endpoints',
  '/policies/{policy_id}/OS-ENDPOINT-POLICY/endpoints/{endpoint_id}': 'OS-ENDPOINT-POLICY:endpoint_policy_association',
  '/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}': 'OS-ENDPOINT-POLICY:service_policy_association',
  '/policies/{policy_id}/OS-ENDPOINT-POLICY/services/{service_id}/regions/{region_id}': 'OS-ENDPOINT-POLICY:region_and_service_policy_association',
  '/projects': 'projects',
  '/projects/{project_id}': 'project',
  '/projects/{project_id}/groups/{group_id}/roles': 'project_group_roles',
  '/projects/{project_id}/groups/{group_id}/roles/{role_id}': 'project_group_role',
  '/projects/{project_id}/tags': 'project_tags',
  '/projects/{project_id}/tags/{tag}': 'project_tag',
  '/projects/{project_id}/users/{user_id}/roles': 'project_user_roles',
  '/projects/{project_id}/users/{user_id}/roles/{role_id}': 'project_user_role',
  '/regions': 'regions',
  '/regions/{region_id}': 'region',
  '/registered_limits': 'registered_limits',
  '/registered_limits/{registered_limit_id}': 'registered_limit',
  '/role_assignments': 'role_assignments',
  '/role_inferences': 'role_inferences',
  '/roles': 'roles',
  '/roles/{role_id}': 'role',
  '/roles/{role_id}/implies': 'implied_roles',
  '/roles/{role_id}/implies/{implied_role_id}': 'implied_role',
  '/services': 'services',
  '/services/{service_id}': 'service',
  '/system/groups/{group_id}/roles': 'system_group_roles',
  '/system/groups/{group_id}/roles/{role_id}': 'system_group_role',
  '/system/users/{user_id}/roles': 'system_user_roles',
  '/system/users/{user_id}/roles/{role_id}': 'system_user_role',
  '/users': 'users',
  '/users/{user_id}': 'user',
  '/users/{user_id}/OS-OAUTH1/access_tokens': 'OS-OAUTH1:user_access_tokens',
  '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}': 'OS-OAUTH1:user_access_token',
  '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles': 'OS-OAUTH1:user_access_token_roles',
  '/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}': 'OS-OAUTH1:user_access_token_role',
  '/users/{user_id}/access_rules': 'access_rules',
  '/users/{user_id}/access_rules/{access_rule_id}': 'access_rule',
  '/users/{user_id}/application_credentials': 'application_credentials',
  '/users/{user_id}/application_credentials/{application_credential_id}': 'application_credential',
  '/users/{user_id}/credentials/OS-EC2': 'OS-EC2:user_credentials',
  '/users/{user_id}/credentials/OS-EC2/{access}': 'OS-EC2:user_credential',
  '/users/{user_id}/groups': 'user_groups',
  '/users/{user_id}/password': 'user_change_password',
  '/users/{user_id}/projects': 'user_projects',
  '/OS-EP-FILTER/endpoint_groups': 'OS-EP-FILTER:endpoint_groups',
  '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}': 'OS-EP-FILTER:endpoint_group',
  '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/endpoints': 'OS-EP-FILTER:endpoints_in_endpoint_group',
  '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects': 'OS-EP-FILTER:projects_associated_with_endpoint_group',
  '/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}/projects/{project_id}': 'OS-EP-FILTER:endpoint_group_to_project_association',
  '/OS-EP-FILTER/endpoints/{endpoint_id}/projects': 'OS-EP-FILTER:endpoint_projects',
  '/OS-EP-FILTER/projects/{project_id}/endpoint_groups': 'OS-EP-FILTER:project_endpoint_groups',
  '/OS-EP-FILTER/projects/{project_id}/endpoints': 'OS-EP-FILTER:project_endpoints',
  '/OS-EP-FILTER/projects/{project_id}/endpoints/{endpoint_id}': 'OS-EP-FILTER:project_endpoint',
  '/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/inherited_to_projects': 'OS-INHERIT:domain_group_roles_inherited_to_projects',
  '/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects': 'OS-INHERIT:domain_group_role_inherited_to_projects',
  '/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects': 'OS-INHERIT:domain_user_roles_inherited_to_projects',
  '/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/{role_id}/inherited_to_projects': 'OS-INHERIT:domain_user_role_inherited_to_projects',
  '/OS-INHERIT/projects/{project_id}/groups/{group_id}/roles/{role_id}/inherited_to_projects': 'OS-INHERIT:project_group_role_inherited_to_projects',
  '/OS-INHERIT/projects/{project_id}/users/{user_id}/roles/{role_id}/inherited_to_projects': 'OS-INHERIT:project_user_role_inherited_to_projects',
  '/OS-OAUTH1/access_token': 'OS-OAUTH1:access_tokens',
  '/OS-OAUTH1/authorize/{request_token_id}': 'OS-OAUTH1:authorize_request_token',
  '/OS-OAUTH1/consumers': 'OS-OAUTH1:consumers',
  '/OS-OAUTH1/consumers/{consumer_id}': 'OS-OAUTH1:consumer',
  '/OS-OAUTH1/request_token': 'OS-OAUTH1:request_tokens',
  '/OS-OAUTH2/token': 'OS-OAUTH2:token',
  '/OS-SIMPLE-CERT/ca': 'OS-SIMPLE-CERT:ca_certificate',
  '/OS-SIMPLE-CERT/certificates': 'OS-SIMPLE-CERT:certificates',
  '/OS-TRUST/trusts': 'OS-TRUST:trusts',
  '/OS-TRUST/trusts/{trust_id}': 'OS-TRUST:trust',
  '/OS-TRUST/trusts/{trust_id}/roles': 'OS-TRUST:trust_roles',
  '/OS-TRUST/trusts/{trust_id}/roles/{role_id}': 'OS-TRUST:trust_role',
};

/** Of parameters that are an extension's own. */
const ofExtension: Readonly<Record<string, string>> = {
  endpoint_group_id: 'OS-EP-FILTER',
  trust_id: 'OS-TRUST',
  consumer_id: 'OS-OAUTH1',
  request_token_id: 'OS-OAUTH1',
  access_token_id: 'OS-OAUTH1',
};
/** Where ours are called otherwise. */
const otherNames: Readonly<Record<string, string>> = { tag: 'tag_value', access: 'credential_id', group: 'config_group', option: 'config_option', implied_role_id: 'role_id' };

const root = 'https://docs.openstack.org/api/openstack-identity/3';
const relation = (kind: 'rel' | 'param', name: string, extension?: string) => (extension === undefined ? `${root}/${kind}/${name}` : `${root}/ext/${extension}/1.0/${kind}/${name}`);

type Resource = { href: string } | { 'href-template': string; 'href-vars': Record<string, string> };

/** Everything that is promised; a path without a name is a mistake, told when the document is first asked for. */
export function jsonHome(nouns: Readonly<Record<string, Operations>>, prefix: string): { resources: Record<string, Resource> } {
  const paths = new Set(Object.values(nouns).flatMap((noun) => Object.values(noun).map(({ path }) => path)));
  return { resources: Object.fromEntries([...paths].toSorted().map((path) => [nameOf(path), resourceAt(path, prefix)])) };
}

function nameOf(path: string): string {
  const [first = '', second] = (relations[path] ?? '').split(':');
  if (first === '') throw new Error(`contract/identity/json-home.ts has no name for ${path}`);
  return second === undefined ? relation('rel', first) : relation('rel', second, first);
}

function resourceAt(path: string, prefix: string): Resource {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  if (names.length === 0) return { href: `${prefix}${path}` };
  return { 'href-template': `${prefix}${path}`, 'href-vars': Object.fromEntries(names.map((name) => [name, relation('param', otherNames[name] ?? name, ofExtension[name])])) };
}
