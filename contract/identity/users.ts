/** keystone/identity/schema.py, user. Attributes that it does not name are kept and shown as they were given. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, nameFilters, pageQuery, Password, SelfLink } from './shapes.ts';
import { Group } from './groups.ts';
import { Project, projectFilters } from './projects.ts';

/** keystone/identity/backends/resource_options.py. Only those are taken that are obeyed; null takes one away. */
const Flag = Type.Optional(Type.Union([Type.Boolean(), Type.Null()]));
const UserOptions = Type.Object(
  {
    ignore_change_password_upon_first_use: Flag,
    ignore_password_expiry: Flag,
    ignore_lockout_failure_attempts: Flag,
    ignore_user_inactivity: Flag,
    lock_password: Flag,
    multi_factor_auth_enabled: Flag,
    /** Each of the lists is a set of methods that suffices. */
    multi_factor_auth_rules: Type.Optional(Type.Union([Type.Array(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 16, uniqueItems: true }), { maxItems: 32 }), Type.Null()])),
  },
  { additionalProperties: false },
);

const given = {
  description: Type.Optional(Description),
  email: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  enabled: Type.Optional(Type.Boolean()),
  default_project_id: Type.Optional(Type.Union([Id, Type.Null()])),
  password: Type.Optional(Type.Union([Password, Type.Null()])),
  options: Type.Optional(UserOptions),
};
const NewUser = Type.Object({ user: Type.Object({ name: Name, domain_id: Type.Optional(Id), ...given }) });
const UserChange = Type.Object({ user: Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name), domain_id: Type.Optional(Id), ...given }) });

export const User = Type.Object({
  id: Type.String(),
  name: Type.String(),
  domain_id: Type.String(),
  enabled: Type.Boolean(),
  default_project_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  description: Type.Optional(Description),
  email: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  password_expires_at: Type.Union([Type.String(), Type.Null()]),
  options: UserOptions,
  links: SelfLink,
});
const Shown = Type.Object({ user: User });

export const users = operations({
  list: {
    method: 'GET',
    path: '/users',
    summary: 'List users',
    access: { rule: 'identity:list_users', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, domain_id: Type.Optional(Type.String()), enabled: Type.Optional(Type.Boolean()), password_expires_at: Type.Optional(Type.String({ maxLength: 64 })) }),
    status: 200,
    response: listOf('users', User),
    list: { resource: 'user', show: 'show', parameter: 'user_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/users',
    summary: 'Create a user',
    access: { rule: 'identity:create_user', who: 'manager', judged: true },
    stability: 'stable',
    body: NewUser,
    status: 201,
    response: Shown,
    effects: 'own',
  },
  show: {
    method: 'GET',
    path: '/users/{user_id}',
    summary: 'Show a user',
    access: { rule: 'identity:get_user', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/users/{user_id}',
    summary: 'Change a user',
    access: { rule: 'identity:update_user', who: 'manager', judged: true },
    stability: 'stable',
    body: UserChange,
    status: 200,
    response: Shown,
    effects: 'own',
  },
  delete: {
    method: 'DELETE',
    path: '/users/{user_id}',
    summary: 'Delete a user',
    access: { rule: 'identity:delete_user', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
  changePassword: {
    method: 'POST',
    path: '/users/{user_id}/password',
    summary: 'Change your own password',
    // No token is asked for: the old password proves who it is (keystone/api/users.py, UserPasswordResource).
    access: { rule: 'identity:change_password', who: 'anyone' },
    stability: 'stable',
    body: Type.Object({ user: Type.Object({ original_password: Password, password: Password }, { additionalProperties: false }) }),
    status: 204,
    effects: 'own',
  },
  listProjects: {
    method: 'GET',
    path: '/users/{user_id}/projects',
    summary: 'List the projects in which a user has a role',
    access: { rule: 'identity:list_user_projects', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...projectFilters }),
    status: 200,
    response: listOf('projects', Project),
    list: { after: { user: 'user_id', role_assignment: null, group: null, project: null, domain: null } },
  },
  listGroups: {
    method: 'GET',
    path: '/users/{user_id}/groups',
    summary: 'List the groups of a user',
    access: { rule: 'identity:list_groups_for_user', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters }),
    status: 200,
    response: listOf('groups', Group),
    list: { after: { user: 'user_id', group: null } },
  },
});
