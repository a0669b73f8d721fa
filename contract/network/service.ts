import { service, type FaultFacts } from '../contract.ts';
import { addressGroups } from './address-groups.ts';
import { addressScopes } from './address-scopes.ts';
import { autoAllocatedTopologies } from './auto-allocated-topology.ts';
import { extensions } from './extensions.ts';
import { floatingIps } from './floating-ips.ts';
import { ipAvailabilities } from './ip-availability.ts';
import { networks } from './networks.ts';
import { ports } from './ports.ts';
import { bandwidthLimitAliases, bandwidthLimitRules, dscpMarkingAliases, dscpMarkingRules, minimumBandwidthAliases, minimumBandwidthRules, qosPolicies, qosRuleTypeList } from './qos.ts';
import { quotas } from './quotas.ts';
import { rbacPolicies } from './rbac-policies.ts';
import { routers } from './routers.ts';
import { securityGroupRules, securityGroups } from './security-groups.ts';
import { subnetPools } from './subnet-pools.ts';
import { subnets } from './subnets.ts';
import { floatingIpTags, networkTags, portTags, routerTags, securityGroupTags, subnetPoolTags, subnetTags } from './tags.ts';

const self = (href: string) => [{ rel: 'self', href }];

/** Collections that the root document names: neutron/api/v2/router.py. */
const collections = [
  ['network', 'networks'], ['subnet', 'subnets'], ['subnetpool', 'subnetpools'], ['port', 'ports'], ['router', 'routers'], ['floatingip', 'floatingips'],
  ['security_group', 'security-groups'], ['security_group_rule', 'security-group-rules'], ['quota', 'quotas'], ['rbac_policy', 'rbac-policies'], ['address_scope', 'address-scopes'], ['address_group', 'address-groups'], ['extension', 'extensions'],
] as const;

/** What the door says without knowing the service, in Neutron's names. */
const generalNames: Record<string, string> = {
  badRequest: 'HTTPBadRequest',
  badMediaType: 'HTTPUnsupportedMediaType',
  itemNotFound: 'HTTPNotFound',
  forbidden: 'PolicyNotAuthorized',
  conflictingRequest: 'Conflict',
  overLimit: 'HTTPTooManyRequests',
  requestEntityTooLarge: 'HTTPRequestEntityTooLarge',
  serviceUnavailable: 'HTTPServiceUnavailable',
  computeFault: 'HTTPInternalServerError',
};

export const network = service({
  type: 'network',
  name: 'neutron',
  title: 'Network',
  root: '/network',
  path: '/network/v2.0',
  catalogPath: '/network',
  projectInPath: false,
  where: 'region',
  discovery: [
    { path: '/network', status: 200, document: (base) => ({ versions: [{ id: 'v2.0', status: 'CURRENT', links: self(`${base}/network/v2.0/`) }] }) },
    {
      path: '/network/v2.0',
      status: 200,
      document: (base) => ({ resources: collections.map(([name, collection]) => ({ name, collection, links: self(`${base}/network/v2.0/${collection}`) })) }),
    },
  ],
  shape: (fault: FaultFacts) => ({ body: { NeutronError: { type: generalNames[fault.code] ?? fault.code, message: fault.message, detail: fault.detail ?? '' } } }),
  invalid({ field, value, reason }) {
    const unknown = /^Additional properties are not allowed \((.*) was unexpected\)$/.exec(reason)?.[1];
    if (unknown !== undefined) return { code: 'HTTPBadRequest', message: `Unrecognized attribute(s) ${unknown}` };
    const missing = /^'(.*)' is a required property$/.exec(reason)?.[1];
    if (missing !== undefined) return { code: 'HTTPBadRequest', message: `Failed to parse request. Required attribute '${missing}' not specified` };
    const shown = typeof value === 'object' && value !== null ? '' : ` '${String(value).slice(0, 60)}'`;
    return { code: 'HTTPBadRequest', message: `Invalid input for ${field.split('/').findLast((part) => !/^\d+$/.test(part)) || 'the request'}. Reason:${shown} ${reason}.` };
  },
  nouns: { extensions, networks, subnets, ports, routers, floatingIps, securityGroups, securityGroupRules, quotas, subnetPools, rbacPolicies, addressGroups, addressScopes, autoAllocatedTopologies, ipAvailabilities, qosPolicies, bandwidthLimitRules, bandwidthLimitAliases, dscpMarkingRules, dscpMarkingAliases, minimumBandwidthRules, minimumBandwidthAliases, qosRuleTypeList, networkTags, subnetTags, portTags, routerTags, floatingIpTags, securityGroupTags, subnetPoolTags },
});
