/** keystone/assignment/schema.py, role; which role implies which is keystone/api/_shared/implied_roles.py. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, nameFilters, Options, pageQuery, SelfLink } from './shapes.ts';

const DomainId = Type.Union([Id, Type.Null()]);
const NewRole = Type.Object({ role: Type.Object({ name: Name, description: Type.Optional(Description), domain_id: Type.Optional(DomainId), options: Type.Optional(Options) }) });
const RoleChange = Type.Object({
  role: Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name), description: Type.Optional(Description), domain_id: Type.Optional(DomainId), options: Type.Optional(Options) }),
});

export const Role = Type.Object({
  id: Type.String(),
  name: Type.String(),
  domain_id: Type.Union([Type.String(), Type.Null()]),
  description: Description,
  options: Options,
  links: SelfLink,
});
const Shown = Type.Object({ role: Role });
const LinkedRole = Type.Object({ id: Type.String(), name: Type.String(), description: Description, links: SelfLink });
const NamedRole = Type.Object({ id: Type.String(), name: Type.String(), links: SelfLink });
const OneInference = Type.Object({ role_inference: Type.Object({ prior_role: NamedRole, implies: NamedRole }), links: SelfLink });
const Inference = Type.Object({ prior_role: LinkedRole, implies: Type.Array(LinkedRole) });

export const roles = operations({
  list: {
    method: 'GET',
    path: '/roles',
    summary: 'List roles',
    access: { rule: 'identity:list_roles', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, domain_id: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('roles', Role),
    list: { resource: 'role', show: 'show', parameter: 'role_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/roles',
    summary: 'Create a role',
    access: { rule: 'identity:create_role', who: 'admin', judged: true },
    stability: 'stable',
    body: NewRole,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/roles/{role_id}',
    summary: 'Show a role',
    access: { rule: 'identity:get_role', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/roles/{role_id}',
    summary: 'Change a role',
    access: { rule: 'identity:update_role', who: 'admin', judged: true },
    stability: 'stable',
    body: RoleChange,
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/roles/{role_id}',
    summary: 'Delete a role',
    access: { rule: 'identity:delete_role', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
  listImplied: {
    method: 'GET',
    path: '/roles/{role_id}/implies',
    summary: 'List the roles that a role implies',
    access: { rule: 'identity:list_implied_roles', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ role_inference: Inference, links: SelfLink }),
    list: { after: { role: null } },
  },
  checkImplied: {
    method: 'HEAD',
    path: '/roles/{role_id}/implies/{implied_role_id}',
    summary: 'Ask whether a role implies another',
    access: { rule: 'identity:check_implied_role', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
  showImplied: {
    method: 'GET',
    path: '/roles/{role_id}/implies/{implied_role_id}',
    summary: 'Show that a role implies another',
    access: { rule: 'identity:get_implied_role', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: OneInference,
  },
  createImplied: {
    method: 'PUT',
    path: '/roles/{role_id}/implies/{implied_role_id}',
    summary: 'Make a role imply another',
    access: { rule: 'identity:create_implied_role', who: 'admin', judged: true },
    stability: 'stable',
    status: 201,
    response: OneInference,
  },
  deleteImplied: {
    method: 'DELETE',
    path: '/roles/{role_id}/implies/{implied_role_id}',
    summary: 'Make a role imply another no more',
    access: { rule: 'identity:delete_implied_role', who: 'admin', judged: true },
    stability: 'stable',
    status: 204,
  },
  listInferences: {
    method: 'GET',
    path: '/role_inferences',
    summary: 'List which role implies which',
    access: { rule: 'identity:list_role_inference_rules', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Type.Object({ role_inferences: Type.Array(Inference), links: SelfLink }),
    list: { after: { role: null } },
  },
});
