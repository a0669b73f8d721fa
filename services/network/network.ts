/** The network service, ready to be served and worked. */
import { fileURLToPath } from 'node:url';
import { network as contract } from '../../contract/network/service.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { addressGroups } from './address-groups.api.ts';
import { addressScopes } from './address-scopes.api.ts';
import { autoAllocatedTopologies } from './auto-allocated-topology.api.ts';
import { extensions } from './extensions.api.ts';
import { floatingIps } from './floating-ips.api.ts';
import { ipAvailabilities } from './ip-availability.api.ts';
import { networkInvariants } from './network.invariants.ts';
import { networks } from './networks.api.ts';
import { ports } from './ports.api.ts';
import { pollPorts, projectDirty, reconcile } from './projection.ts';
import {
  bandwidthLimitAliases, bandwidthLimitRules, dscpMarkingAliases, dscpMarkingRules, minimumBandwidthAliases, minimumBandwidthRules, qosPolicies, qosRuleTypeList,
} from './qos-policies.api.ts';
import { quotas } from './quotas.api.ts';
import { rbacPolicies } from './rbac-policies.api.ts';
import { routers } from './routers.api.ts';
import { securityGroupRules, securityGroups } from './security-groups.api.ts';
import { subnetPools } from './subnet-pools.api.ts';
import { subnets } from './subnets.api.ts';
import { floatingIpTags, networkTags, portTags, routerTags, securityGroupTags, subnetPoolTags, subnetTags } from './tags.api.ts';

export { bootstrapDefaultPool, bootstrapNetwork, type ExternalNetwork } from './external.ts';

export const schemaDirectory = fileURLToPath(new URL('./schema/', import.meta.url));

export function makeNetwork(parts: RegionParts): Made {
  return {
    implementation: implementService(contract, parts.database, {
      extensions, networks, subnets, ports, routers, floatingIps, securityGroups, securityGroupRules, quotas, subnetPools, rbacPolicies, addressGroups, addressScopes, autoAllocatedTopologies, ipAvailabilities,
      qosPolicies, bandwidthLimitRules, bandwidthLimitAliases, dscpMarkingRules, dscpMarkingAliases, minimumBandwidthRules, minimumBandwidthAliases, qosRuleTypeList,
      networkTags, subnetTags, portTags, routerTags, floatingIpTags, securityGroupTags, subnetPoolTags,
    }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('network.project', { everyMs: 250, run: (services, signal) => projectDirty(services, signal) }),
      schedule<RegionParts>('network.poll-ports', {
        everyMs: 1_000,
        run: (services) => pollPorts(services, 'waiting'),
      }),
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
