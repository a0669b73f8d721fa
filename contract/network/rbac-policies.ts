import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { id, links, listQuery, owner, showQuery, shownOwner, strict, text, wishRules } from './attributes.ts';

/** neutron/objects/rbac_db.py, and what each kind of object can be shared as. */
export const sharedKinds = ['network', 'subnetpool', 'security_group', 'address_scope', 'address_group', 'qos_policy'] as const;
export type SharedKind = (typeof sharedKinds)[number];

const actions = ['access_as_shared', 'access_as_external'] as const;
export type SharingAction = (typeof actions)[number];

export const RbacPolicy = Type.Object({
  ...shownOwner,
  object_type: Type.Enum([...sharedKinds]),
  object_id: Type.String(),
  action: Type.Enum([...actions]),
  target_tenant: Type.String(),
});

const target = Type.String({ minLength: 1, maxLength: 255 });
const NewRbacPolicy = Type.Object({ ...owner, object_type: Type.Enum([...sharedKinds]), object_id: id, action: text(255), target_tenant: target }, strict);

export const rbacPolicies = operations({
  list: {
    method: 'GET', path: '/rbac-policies', summary: 'List who may use what of whom', stability: 'stable',
    access: { rule: 'get_rbac_policy', who: 'reader', adminEverywhere: true },
    query: listQuery(['id', 'project_id', 'tenant_id', 'object_type', 'object_id', 'action', 'target_tenant']),
    status: 200,
    response: Type.Object({ rbac_policies: Type.Array(Type.Partial(RbacPolicy)), rbac_policies_links: Type.Optional(links) }),
    list: { resource: 'rbac_policy', show: 'show', parameter: 'policy_id' },
  },
  create: {
    method: 'POST', path: '/rbac-policies', summary: 'Let another project use something', stability: 'stable',
    access: { rule: 'create_rbac_policy', who: 'member', adminEverywhere: true },
    body: Type.Object({ rbac_policy: Type.Optional(NewRbacPolicy), rbac_policies: Type.Optional(Type.Array(NewRbacPolicy, { minItems: 1, maxItems: 100 })) }, wishRules),
    status: 201,
    response: Type.Object({ rbac_policy: Type.Optional(RbacPolicy), rbac_policies: Type.Optional(Type.Array(RbacPolicy)) }),
  },
  show: {
    method: 'GET', path: '/rbac-policies/{policy_id}', summary: 'Show who may use something', stability: 'stable',
    access: { rule: 'get_rbac_policy', who: 'reader', adminEverywhere: true },
    query: showQuery,
    status: 200,
    response: Type.Object({ rbac_policy: Type.Partial(RbacPolicy) }),
  },
  update: {
    method: 'PUT', path: '/rbac-policies/{policy_id}', summary: 'Let another project use it instead', stability: 'stable',
    access: { rule: 'update_rbac_policy', who: 'member', adminEverywhere: true },
    body: Type.Object({ rbac_policy: Type.Object({ target_tenant: Type.Optional(target) }, strict) }, strict),
    status: 200,
    response: Type.Object({ rbac_policy: RbacPolicy }),
  },
  delete: {
    method: 'DELETE', path: '/rbac-policies/{policy_id}', summary: 'Stop letting a project use something', stability: 'stable',
    access: { rule: 'delete_rbac_policy', who: 'member', adminEverywhere: true },
    status: 204,
  },
});
