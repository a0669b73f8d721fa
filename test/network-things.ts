/** Real things of the network's further nouns, made through the API: for generated requests (things.ts, bodies.ts). */
import type { Person, TestCloud } from './cloud.ts';

type Making = { cloud: TestCloud; owner: Person; admin: Person; get(name: string): Promise<string>; unique: () => string };
type Things = { get(name: never): Promise<string> };

export const networkMakers = {
  'rbac policy': async ({ cloud, owner, get }: Making) =>
    (await owner.network.rbacPolicies.create({ body: { rbac_policy: { object_type: 'network', object_id: await get('network'), action: 'access_as_shared', target_tenant: cloud.bob.projectId } } })).body.rbac_policy?.id ?? '',
};

export const networkPaths = {
  'network /rbac-policies/': 'rbac policy',
} as const;

export const networkBodies = {
  'network.rbacPolicies.create': async (things: Things) => ({ rbac_policy: { object_type: 'network', object_id: await things.get('network' as never), action: 'access_as_shared', target_tenant: 'nobody' } }),
};
