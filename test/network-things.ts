/** Real things of the network's further nouns, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Person } from './cloud.ts';

type Making = { owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const networkMakers = {
  'rbac policy': async ({ owner, get }: Making) =>
    (await owner.network.rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: await get('network'), action: 'access_as_shared', target_tenant: 'another' } } })).body.rbac_policy?.id ?? '',
  'address group': async ({ owner, unique }: Making) => (await owner.network.addressGroups.create({ body: { address_group: { name: unique(), addresses: ['192.0.2.0/24'] } } })).body.address_group?.id ?? '',
  'address scope': async ({ owner, unique }: Making) => (await owner.network.addressScopes.create({ body: { address_scope: { name: unique(), ip_version: 4 } } })).body.address_scope?.id ?? '',
};

export const networkPaths = {
  'network /rbac-policies/': 'rbac policy',
  'network /address-groups/': 'address group',
  'network /address-scopes/': 'address scope',
  'network /auto-allocated-topology/': 'project',
  'network /network-ip-availabilities/': 'network',
} as const;

export const networkBodies = {
  'network.addressGroups.addAddresses': async () => ({ addresses: ['198.51.100.0/24'] }),
  'network.addressGroups.removeAddresses': async () => ({ addresses: ['192.0.2.0/24'] }),
  'network.subnetPools.addPrefixes': async () => ({ prefixes: ['10.77.0.0/16'] }),
  'network.subnetPools.removePrefixes': async () => ({ prefixes: ['10.2.128.0/17'] }),
  'network.ports.addAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.77' }] } }),
  'network.ports.removeAddressPairs': async () => ({ port: { allowed_address_pairs: [{ ip_address: '10.1.0.78' }] } }),
  'network.addressScopes.create': async () => ({ address_scope: { name: 'scope', ip_version: 4 } }),
  'network.rbacPolicies.create': async (things: Things) => ({ rbac_policy: { object_type: 'network', object_id: await things.get('network' as never), action: 'access_as_shared', target_tenant: 'nobody' } }),
};
