/** keystone/trust/schema.py: one user lets another act for them in one project. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Id, listOf, Name, PageLinks, pageQuery, SelfLink, Time } from './shapes.ts';
import { Role } from './roles.ts';

const orNull = Type.Union([Type.String(), Type.Null()]);

const NewTrust = Type.Object({
  trust: Type.Object({
    trustor_user_id: Id,
    trustee_user_id: Id,
    impersonation: Type.Boolean(),
    project_id: Type.Optional(Type.Union([Id, Type.Null()])),
    remaining_uses: Type.Optional(Type.Union([Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }), Type.Null()])),
    expires_at: Type.Optional(Type.Union([Time, Type.Null()])),
    allow_redelegation: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    redelegation_count: Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 }), Type.Null()])),
    roles: Type.Optional(
      Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }, { minProperties: 1, maxProperties: 1, additionalProperties: false }), { maxItems: 100 }),
    ),
  }),
});

const trust = {
  id: Type.String(),
  trustor_user_id: Type.String(),
  trustee_user_id: Type.String(),
  project_id: orNull,
  impersonation: Type.Boolean(),
  expires_at: orNull,
  deleted_at: Type.Null(),
  remaining_uses: Type.Union([Type.Integer(), Type.Null()]),
  redelegated_trust_id: orNull,
  redelegation_count: Type.Integer(),
  links: SelfLink,
};
/** Its roles are shown with the trust itself only. */
const ListedTrust = Type.Object(trust);
export const Trust = Type.Object({ ...trust, roles: Type.Array(Role), roles_links: PageLinks });
const Shown = Type.Object({ trust: Trust });

const judged = (verb: string) => ({ rule: `identity:${verb}`, who: 'user', judged: true }) as const;

export const trusts = operations({
  list: {
    method: 'GET',
    path: '/OS-TRUST/trusts',
    summary: 'List trusts',
    access: judged('list_trusts'),
    stability: 'stable',
    query: Type.Object({ ...pageQuery, trustor_user_id: Type.Optional(Type.String({ maxLength: 255 })), trustee_user_id: Type.Optional(Type.String({ maxLength: 255 })) }),
    status: 200,
    response: listOf('trusts', ListedTrust),
    list: { resource: 'OS-TRUST:trust', show: 'show', parameter: 'trust_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/OS-TRUST/trusts',
    summary: 'Let another user act for you',
    access: judged('create_trust'),
    stability: 'stable',
    body: NewTrust,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/OS-TRUST/trusts/{trust_id}',
    summary: 'Show a trust',
    access: judged('get_trust'),
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/OS-TRUST/trusts/{trust_id}',
    summary: 'End a trust, and all that was handed on from it',
    access: judged('delete_trust'),
    stability: 'stable',
    status: 204,
  },
  listRoles: {
    method: 'GET',
    path: '/OS-TRUST/trusts/{trust_id}/roles',
    summary: 'List the roles that a trust gives',
    access: judged('list_roles_for_trust'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ roles: Type.Array(Role), links: PageLinks }),
  },
  checkRole: {
    method: 'HEAD',
    path: '/OS-TRUST/trusts/{trust_id}/roles/{role_id}',
    summary: 'Ask whether a trust gives a role',
    access: judged('get_role_for_trust'),
    stability: 'stable',
    status: 200,
  },
  showRole: {
    method: 'GET',
    path: '/OS-TRUST/trusts/{trust_id}/roles/{role_id}',
    summary: 'Show a role that a trust gives',
    access: judged('get_role_for_trust'),
    stability: 'stable',
    status: 200,
    response: Type.Object({ role: Role }),
  },
});
