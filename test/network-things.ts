/** Real things of the network's further nouns, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const networkMakers = {
  'rbac policy': async ({ cloud, owner, get }: Making) =>
    (await owner.network.rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: await get('network'), action: 'access_as_shared', target_tenant: cloud.bob.projectId } } })).body.rbac_policy?.id ?? '',
  'address scope': async ({ owner, unique }: Making) => (await owner.network.addressScopes.create({ body: { address_scope: { name: unique(), ip_version: 4 } } })).body.address_scope?.id ?? '',
};

export const networkPaths = {
  'network /rbac-policies/': 'rbac policy',
  'network /address-scopes/': 'address scope',
} as const;

export const networkBodies = {
  'network.addressScopes.create': async () => ({ address_scope: { name: 'scope', ip_version: 4 } }),
  'network.rbacPolicies.create': async (things: Things) => ({ rbac_policy: { object_type: 'network', object_id: await things.get('network' as never), action: 'access_as_shared', target_tenant: 'nobody' } }),
};
