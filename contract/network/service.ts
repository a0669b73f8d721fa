import { service, type FaultFacts } from '../contract.ts';
import { addressGroups } from './address-groups.ts';
import { addressScopes } from './address-scopes.ts';
import { agents, networkAvailabilityZones } from './agents.ts';
import { autoAllocatedTopologies } from './auto-allocated-topology.ts';
import { defaultSecurityGroupRules } from './default-security-group-rules.ts';
import { dhcpAgents } from './dhcp-agents.ts';
import { extensions } from './extensions.ts';
import { networkFloatingIpPools } from './floating-ip-pools.ts';
import { flavors, serviceProfiles, serviceProviders } from './flavors.ts';
import { floatingIps } from './floating-ips.ts';
import { ipAvailabilities } from './ip-availability.ts';
import { l3Agents } from './l3-agents.ts';
import { loggableResources, logs } from './logs.ts';
import { meteringLabelRules, meteringLabels } from './metering.ts';
import { localIpAssociations, localIps } from './local-ips.ts';
import { ndpProxies } from './ndp-proxies.ts';
import { networks } from './networks.ts';
import { pathReader } from './paths.ts';
import { portBindings } from './port-bindings.ts';
import { portForwardings } from './port-forwardings.ts';
import { ports } from './ports.ts';
import { bandwidthLimitAliases, bandwidthLimitRules, dscpMarkingAliases, dscpMarkingRules, minimumBandwidthAliases, minimumBandwidthRules, minimumPacketRateAliases, minimumPacketRateRules, packetRateLimitRules, qosPolicies, qosRuleTypeList } from './qos.ts';
import { quotas } from './quotas.ts';
import { rbacPolicies } from './rbac-policies.ts';
import { routers } from './routers.ts';
import { securityGroupRules, securityGroups } from './security-groups.ts';
import { segmentRanges } from './segment-ranges.ts';
import { segments } from './segments.ts';
import { subnetPools } from './subnet-pools.ts';
import { subnets } from './subnets.ts';
import { floatingIpTags, networkTags, portTags, routerTags, securityGroupTags, subnetPoolTags, subnetTags, trunkTags, policyTags, qosPolicyTags } from './tags.ts';
import { trunks } from './trunks.ts';

/** Each of many may be written as it is alone: `{ ports: [{ port: {…} }] }`. neutron/api/v2/base.py, prepare_request_body */
function unnested(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const [[collection, items] = ['', undefined], ...others] = Object.entries(body) as [string, unknown][];
  if (others.length > 0 || !Array.isArray(items)) return body;
  const single = collection.endsWith('ies') ? `${collection.slice(0, -3)}y` : collection.replace(/s$/, '');
  const inner = (item: unknown) => (typeof item === 'object' && item !== null && Object.keys(item).length === 1 ? ((item as Record<string, unknown>)[single] ?? item) : item);
  return { [collection]: items.map(inner) };
}

const self = (href: string) => [{ rel: 'self', href }];

/** Collections that the root document names, whatever else there is: neutron/pecan_wsgi/controllers/root.py, _CORE_RESOURCES */
const collections = [
  ['network', 'networks'], ['subnet', 'subnets'], ['subnetpool', 'subnetpools'], ['port', 'ports'],
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

const nouns = { extensions, logs, loggableResources, segmentRanges, meteringLabels, meteringLabelRules, segments, ndpProxies, localIps, localIpAssociations, agents, dhcpAgents, l3Agents, networkAvailabilityZones, networks, subnets, ports, portBindings, routers, floatingIps, networkFloatingIpPools, portForwardings, securityGroups, securityGroupRules, defaultSecurityGroupRules, flavors, serviceProfiles, serviceProviders, quotas, subnetPools, rbacPolicies, addressGroups, addressScopes, autoAllocatedTopologies, ipAvailabilities, qosPolicies, bandwidthLimitRules, bandwidthLimitAliases, dscpMarkingRules, dscpMarkingAliases, minimumBandwidthRules, minimumBandwidthAliases, packetRateLimitRules, minimumPacketRateRules, minimumPacketRateAliases, qosRuleTypeList, networkTags, subnetTags, portTags, routerTags, floatingIpTags, securityGroupTags, subnetPoolTags, trunkTags, policyTags, qosPolicyTags, trunks };

export const network = service({
  type: 'network',
  name: 'neutron',
  title: 'Network',
  root: '/network',
  path: '/network/v2.0',
  catalogPath: '/network',
  projectInPath: false,
  readPath: pathReader('/network/v2.0', nouns),
  readBody: unnested,
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
  nouns,
});
