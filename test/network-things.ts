/** Real things of the network's further nouns, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Person } from './cloud.ts';

type Making = { owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const networkMakers = {
  'rbac policy': async ({ owner, get }: Making) =>
    (await owner.network.rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: await get('network'), action: 'access_as_shared', target_tenant: 'another' } } })).body.rbac_policy?.id ?? '',
  'address group': async ({ owner, unique }: Making) => (await owner.network.addressGroups.create({ body: { address_group: { name: unique(), addresses: ['192.0.2.0/24'] } } })).body.address_group?.id ?? '',
  'qos policy': async ({ admin, owner, unique }: Making) => (await admin.network.qosPolicies.create({ body: { policy: { name: unique(), project_id: owner.projectId } } })).body.policy?.id ?? '',
  'bandwidth limit': async ({ admin, get }: Making) =>
    (await admin.network.bandwidthLimitRules.create({ params: { policy_id: await get('qos policy') }, body: { bandwidth_limit_rule: { max_kbps: 1000 } } })).body.bandwidth_limit_rule.id,
  'dscp marking': async ({ admin, get }: Making) => (await admin.network.dscpMarkingRules.create({ params: { policy_id: await get('qos policy') }, body: { dscp_marking_rule: { dscp_mark: 46 } } })).body.dscp_marking_rule.id,
  'minimum bandwidth': async ({ admin, get }: Making) =>
    (await admin.network.minimumBandwidthRules.create({ params: { policy_id: await get('qos policy') }, body: { minimum_bandwidth_rule: { min_kbps: 10 } } })).body.minimum_bandwidth_rule.id,
  'qos rule type': () => Promise.resolve('bandwidth_limit'),
  'address scope': async ({ owner, unique }: Making) => (await owner.network.addressScopes.create({ body: { address_scope: { name: unique(), ip_version: 4 } } })).body.address_scope?.id ?? '',
};

export const networkPaths = {
  'network /rbac-policies/': 'rbac policy',
  'network /address-groups/': 'address group',
  'network /address-scopes/': 'address scope',
  'network /qos/policies/': 'qos policy',
  'network /qos/policies/{policy_id}/bandwidth_limit_rules/': 'bandwidth limit',
  'network /qos/policies/{policy_id}/dscp_marking_rules/': 'dscp marking',
  'network /qos/policies/{policy_id}/minimum_bandwidth_rules/': 'minimum bandwidth',
  'network /qos/alias_bandwidth_limit_rules/': 'bandwidth limit',
  'network /qos/alias_dscp_marking_rules/': 'dscp marking',
  'network /qos/alias_minimum_bandwidth_rules/': 'minimum bandwidth',
  'network /qos/rule-types/': 'qos rule type',
  'network /auto-allocated-topology/': 'project',
  'network /network-ip-availabilities/': 'network',
} as const;

export const networkBodies = {
  'network.dscpMarkingRules.create': async () => ({ dscp_marking_rule: { dscp_mark: 10 } }),
  'network.dscpMarkingRules.update': async () => ({ dscp_marking_rule: { dscp_mark: 12 } }),
  'network.dscpMarkingAliases.update': async () => ({ dscp_marking_rule: { dscp_mark: 14 } }),
  'network.addressGroups.addAddresses': async () => ({ addresses: ['198.51.100.0/24'] }),
  'network.addressGroups.removeAddresses': async () => ({ addresses: ['192.0.2.0/24'] }),
  'network.subnetPools.addPrefixes': async () => ({ prefixes: ['10.77.0.0/16'] }),
  'network.subnetPools.removePrefixes': async () => ({ prefixes: ['10.2.128.0/17'] }),
  'network.ports.addAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.77' }] } }),
  'network.ports.removeAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.78' }] } }),
  'network.addressScopes.create': async () => ({ address_scope: { name: 'scope', ip_version: 4 } }),
  'network.rbacPolicies.create': async (things: Things) => ({ rbac_policy: { object_type: 'network', object_id: await things.get('network' as never), action: 'access_as_shared', target_tenant: 'nobody' } }),
};
