/** Identity, version 3: keystone's promise. */
import { service, type FaultFacts } from '../contract.ts';
import { accessRules } from './access-rules.ts';
import { applicationCredentials } from './application-credentials.ts';
import { ec2Credentials } from './ec2-credentials.ts';
import { endpoints, regions, services } from './catalog.ts';
import { domainConfig } from './domain-config.ts';
import { credentials } from './credentials.ts';
import { domains } from './domains.ts';
import {
  domainGroupGrants,
  domainUserGrants,
  inheritedDomainGroupGrants,
  inheritedDomainUserGrants,
  inheritedProjectGroupGrants,
  inheritedProjectUserGrants,
  projectGroupGrants,
  projectUserGrants,
  roleAssignments,
  systemGroupGrants,
  systemUserGrants,
} from './grants.ts';
import { endpointGroups, projectEndpoints } from './endpoint-filters.ts';
import { groups } from './groups.ts';
import { jsonHome } from './json-home.ts';
import { limits, registeredLimits } from './limits.ts';
import { endpointPolicies, policies, policyEndpoints, regionPolicies, servicePolicies } from './policies.ts';
import { policy, scopeTypes } from './policy.ts';
import { accessTokens, consumers, oauthTokens } from './oauth1.ts';
import { oauth2Errors, oauth2Tokens } from './oauth2.ts';
import { projects, projectTags } from './projects.ts';
import { revocationEvents } from './revocation-events.ts';
import { roles } from './roles.ts';
import { scopes } from './scopes.ts';
import { signatureTokens } from './signature-tokens.ts';
import { simpleCertificates } from './simple-certificates.ts';
import { tokens } from './tokens.ts';
import { trusts } from './trusts.ts';
import { users } from './users.ts';

const titles: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  409: 'Conflict',
  410: 'Gone',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

// keystone/api/discovery.py
const version = (base: string) => ({
  id: 'v3.14',
  status: 'stable',
  updated: '2020-04-07T00:00:00Z',
  links: [{ rel: 'self', href: `${base}/identity/v3/` }],
  'media-types': [{ base: 'application/json', type: 'application/vnd.openstack.identity-v3+json' }],
});

const jsonHomeType = 'application/json-home';

const nouns = {
  tokens,
  scopes,
  domains,
  domainConfig,
  projects,
  projectTags,
  users,
  groups,
  roles,
  projectUserGrants,
  projectGroupGrants,
  domainUserGrants,
  domainGroupGrants,
  inheritedProjectUserGrants,
  inheritedProjectGroupGrants,
  inheritedDomainUserGrants,
  inheritedDomainGroupGrants,
  systemUserGrants,
  systemGroupGrants,
  roleAssignments,
  services,
  endpoints,
  regions,
  endpointGroups,
  projectEndpoints,
  policies,
  policyEndpoints,
  endpointPolicies,
  servicePolicies,
  regionPolicies,
  registeredLimits,
  limits,
  applicationCredentials,
  accessRules,
  trusts,
  credentials,
  ec2Credentials,
  signatureTokens,
  oauth2Tokens,
  consumers,
  oauthTokens,
  accessTokens,
  revocationEvents,
  simpleCertificates,
};

export const identity = service({
  type: 'identity',
  name: 'keystone',
  title: 'Identity',
  root: '/identity',
  path: '/identity/v3',
  // Without the version: clients discover it there (devstack/lib/keystone, KEYSTONE_SERVICE_URI).
  catalogPath: '/identity',
  projectInPath: false,
  where: 'home',
  answersHead: true,
  discovery: [
    {
      path: '/identity',
      status: 300,
      document: (base) => ({ versions: { values: [version(base)] } }),
      headers: (base) => ({ location: `${base}/identity/v3/` }),
      alternative: { contentType: jsonHomeType, document: () => jsonHome(nouns, '/v3') },
    },
    { path: '/identity/v3', status: 200, document: (base) => ({ version: version(base) }), alternative: { contentType: jsonHomeType, document: () => jsonHome(nouns, '') } },
  ],
  policy,
  scopeTypes,
  shape: ({ status, code, message }: FaultFacts) => {
    // keystone/oauth2/handlers.py
    if (Object.hasOwn(oauth2Errors, code)) return { body: { error: oauth2Errors[code], error_description: message } };
    return {
      body: {
        error: {
          code: status,
          title: titles[status] ?? 'Error',
          // The door says it in general words; keystone names the rule: keystone/exception.py, ForbiddenAction.
          message: message.replace(/^Policy doesn't allow (\S+) to be performed\.$/, 'You are not authorized to perform the requested action: $1.'),
        },
      },
    };
  },
  invalid: ({ field, reason }) => ({ code: 'SchemaValidationError', message: `Invalid input for field '${field.replaceAll('/', '.') || 'body'}': ${reason}` }),
  nouns,
});
