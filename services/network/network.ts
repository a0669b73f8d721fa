/** The network service, ready to be served and worked. */
import { fileURLToPath } from 'node:url';
import { network as contract } from '../../contract/network/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { addressGroups } from './address-groups.api.ts';
import { addressScopes } from './address-scopes.api.ts';
import { agents, networkAvailabilityZones } from './agents.api.ts';
import { autoAllocatedTopologies } from './auto-allocated-topology.api.ts';
import { defaultSecurityGroupRules } from './default-security-group-rules.api.ts';
import { dhcpAgents } from './dhcp-agents.api.ts';
import { extensions } from './extensions.api.ts';
import { networkFloatingIpPools } from './floating-ip-pools.api.ts';
import { flavors, serviceProfiles, serviceProviders } from './flavors.api.ts';
import { floatingIps } from './floating-ips.api.ts';
import { ipAvailabilities } from './ip-availability.api.ts';
import { l3Agents } from './l3-agents.api.ts';
import { loggableResources, logs } from './logs.api.ts';
import { meteringLabelRules, meteringLabels } from './metering.api.ts';
import { localIpAssociations, localIps } from './local-ips.api.ts';
import { ndpProxies } from './ndp-proxies.api.ts';
import { networkInvariants } from './network.invariants.ts';
import { networks } from './networks.api.ts';
import { portBindings } from './port-bindings.api.ts';
import { portForwardings } from './port-forwardings.api.ts';
import { ports } from './ports.api.ts';
import { pollPorts, projectDirty, reconcile, reconcileAfterEdits } from './projection.ts';
import {
  bandwidthLimitAliases, bandwidthLimitRules, dscpMarkingAliases, dscpMarkingRules, minimumBandwidthAliases, minimumBandwidthRules, minimumPacketRateAliases, minimumPacketRateRules, packetRateLimitRules, qosPolicies, qosRuleTypeList,
} from './qos-policies.api.ts';
import { quotas } from './quotas.api.ts';
import { rbacPolicies } from './rbac-policies.api.ts';
import { revised } from './revisions.ts';
import { routers } from './routers.api.ts';
import { securityGroupRules, securityGroups } from './security-groups.api.ts';
import { segmentRanges } from './segment-ranges.api.ts';
import { segments } from './segments.api.ts';
import { subnetPools } from './subnet-pools.api.ts';
import { subnets } from './subnets.api.ts';
import { floatingIpTags, networkTags, portTags, routerTags, securityGroupTags, subnetPoolTags, subnetTags, trunkTags, policyTags, qosPolicyTags } from './tags.api.ts';
import { tellTraffic } from './traffic.ts';
import { trunks } from './trunks.api.ts';

export { bootstrapDefaultPool, bootstrapNetwork, type ExternalNetwork } from './external.ts';

export const schemaDirectory = fileURLToPath(new URL('./schema/', import.meta.url));

export function makeNetwork(parts: RegionParts): Made {
  return {
    implementation: implementService(contract, parts.database, {
      extensions, logs: revised('log', 'log_id', logs), loggableResources, segmentRanges, meteringLabels, meteringLabelRules, segments, ndpProxies, localIps: revised('local_ip', 'local_ip_id', localIps), localIpAssociations, agents, dhcpAgents, l3Agents, networkAvailabilityZones, networks: revised('network', 'network_id', networks), subnets: revised('subnet', 'subnet_id', subnets), ports: revised('port', 'port_id', ports), portBindings,
      routers: revised('router', 'router_id', routers), floatingIps: revised('floatingip', 'floatingip_id', floatingIps), networkFloatingIpPools, portForwardings,
      securityGroups: revised('security_group', 'security_group_id', securityGroups), securityGroupRules: revised('security_group_rule', 'security_group_rule_id', securityGroupRules), defaultSecurityGroupRules, flavors, serviceProfiles, serviceProviders, quotas, subnetPools: revised('subnetpool', 'subnetpool_id', subnetPools), rbacPolicies, addressGroups: revised('address_group', 'address_group_id', addressGroups), addressScopes, autoAllocatedTopologies, ipAvailabilities,
      qosPolicies: revised('policy', 'policy_id', qosPolicies), bandwidthLimitRules, bandwidthLimitAliases, dscpMarkingRules, dscpMarkingAliases, minimumBandwidthRules, minimumBandwidthAliases, packetRateLimitRules, minimumPacketRateRules, minimumPacketRateAliases, qosRuleTypeList,
      networkTags, subnetTags, portTags, routerTags, floatingIpTags, securityGroupTags, subnetPoolTags, trunkTags, policyTags, qosPolicyTags, trunks: revised('trunk', 'trunk_id', trunks),
    }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('network.project', { everyMs: 250, run: (services, signal) => projectDirty(services, signal) }),
      schedule<RegionParts>('network.poll-ports', {
        everyMs: 1_000,
        run: (services) => pollPorts(services, 'waiting'),
      }),
      schedule<RegionParts>('network.traffic', { everyMs: 30_000, run: (services) => tellTraffic(services) }),
      schedule<RegionParts>('network.edits', { everyMs: 2_000, run: reconcileAfterEdits }),
      schedule<RegionParts>('network.reconcile', {
        everyMs: 45_000,
        async run(services) {
          await reconcile(services);
        },
      }),
    ],
    invariants: networkInvariants(parts),
  };
}
