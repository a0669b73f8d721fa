/** keystone/identity/schema.py, group. */
import { Type } from 'typebox';
import { operations } from '../contract.ts';
import { Description, Id, listOf, Name, nameFilters, pageQuery, SelfLink } from './shapes.ts';

const NewGroup = Type.Object({ group: Type.Object({ name: Name, domain_id: Type.Optional(Id), description: Type.Optional(Description) }) });
const GroupChange = Type.Object({
  group: Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name), domain_id: Type.Optional(Id), description: Type.Optional(Description) }),
});

export const Group = Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.String(), description: Description, links: SelfLink });
const Shown = Type.Object({ group: Group });

// Written out here: users.ts lists groups, and two files that import each other have no first one.
const Member = Type.Object({ id: Type.String(), name: Type.String(), domain_id: Type.String(), enabled: Type.Boolean(), links: SelfLink });

export const groups = operations({
  list: {
    method: 'GET',
    path: '/groups',
    summary: 'List groups',
    access: { rule: 'identity:list_groups', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, domain_id: Type.Optional(Type.String()) }),
    status: 200,
    response: listOf('groups', Group),
    list: { resource: 'group', show: 'show', parameter: 'group_id', ofNoProject: true },
  },
  create: {
    method: 'POST',
    path: '/groups',
    summary: 'Create a group',
    access: { rule: 'identity:create_group', who: 'manager', judged: true },
    stability: 'stable',
    body: NewGroup,
    status: 201,
    response: Shown,
  },
  show: {
    method: 'GET',
    path: '/groups/{group_id}',
    summary: 'Show a group',
    access: { rule: 'identity:get_group', who: 'user', judged: true },
    stability: 'stable',
    status: 200,
    response: Shown,
  },
  update: {
    method: 'PATCH',
    path: '/groups/{group_id}',
    summary: 'Change a group',
    access: { rule: 'identity:update_group', who: 'manager', judged: true },
    stability: 'stable',
    body: GroupChange,
    status: 200,
    response: Shown,
  },
  delete: {
    method: 'DELETE',
    path: '/groups/{group_id}',
    summary: 'Delete a group',
    access: { rule: 'identity:delete_group', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
  listUsers: {
    method: 'GET',
    path: '/groups/{group_id}/users',
    summary: 'List the users of a group',
    access: { rule: 'identity:list_users_in_group', who: 'user', judged: true },
    stability: 'stable',
    query: Type.Object({ ...pageQuery, ...nameFilters, enabled: Type.Optional(Type.Boolean()), password_expires_at: Type.Optional(Type.String({ maxLength: 64 })) }),
    status: 200,
    response: listOf('users', Member),
    list: { after: { group: 'group_id', user: null } },
  },
  addUser: {
    method: 'PUT',
    path: '/groups/{group_id}/users/{user_id}',
    summary: 'Add a user to a group',
    access: { rule: 'identity:add_user_to_group', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
  checkUser: {
    method: 'HEAD',
    path: '/groups/{group_id}/users/{user_id}',
    summary: 'Ask whether a user is in a group',
    access: { rule: 'identity:check_user_in_group', who: 'user', judged: true },
    stability: 'stable',
    status: 204,
  },
  removeUser: {
    method: 'DELETE',
    path: '/groups/{group_id}/users/{user_id}',
    summary: 'Remove a user from a group',
    access: { rule: 'identity:remove_user_from_group', who: 'manager', judged: true },
    stability: 'stable',
    status: 204,
  },
});
