/** Groups of users, to which roles can be granted as to one user. keystone/identity/core.py */
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demandReading, domainToList } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { endGroupGrants, listPlacesOfGroup } from './grants.ts';
import {
  deleteGroup as removeGroup,
  deleteMember,
  findGroup,
  groupOf,
  insertGroup,
  insertMember,
  isMember,
  listGroups as selectGroups,
  lockGroup,
  updateGroup as storeGroup,
  type Group,
} from './groups.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, invalid } from './refusals.ts';
import { getUser, type User } from './users.ts';
import { findUser, listUsers as selectUsers, memberOf } from './users.store.ts';

export type { Group } from './groups.store.ts';

export function listGroups({ tx, caller }: Context, query: PageQuery & { domain_id?: string; name?: string }): Promise<Group[]> {
  const only = domainToList(caller, 'identity:list_groups');
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (only !== undefined) conditions.push(sql`domain_id = ${only}`);
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  return selectGroups(tx, conditions, rowsFor(query));
}

export async function listGroupsOfUser(context: Context, userId: string, query: PageQuery & { name?: string }): Promise<Group[]> {
  await getUser(context, userId, 'identity:list_groups_for_user');
  return selectGroups(context.tx, [groupOf(userId), ...pageConditions(query), ...nameConditions(query)], rowsFor(query));
}

export async function getGroup({ tx, caller }: Context, id: string, rule = 'identity:get_group'): Promise<Group> {
  const group = await findGroup(tx, id);
  demandReading(caller, rule, { domainId: group?.domainId ?? null });
  if (!group) throw couldNotFind('group', id);
  return group;
}

export async function createGroup({ tx }: Context, group: Group): Promise<Group> {
  if (!(await findDomain(tx, group.domainId))) throw couldNotFind('domain', group.domainId);
  await insertGroup(tx, group).catch((error: unknown) => {
    throw nameTaken(error, group);
  });
  return group;
}

export async function updateGroup({ tx }: Context, id: string, change: Partial<Group>): Promise<Group> {
  const before = await lockGroup(tx, id);
  if (!before) throw couldNotFind('group', id);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  const after: Group = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  await storeGroup(tx, after).catch((error: unknown) => {
    throw nameTaken(error, after);
  });
  return after;
}

export async function deleteGroup(context: Context, directory: Directory, id: string): Promise<void> {
  if (!(await lockGroup(context.tx, id))) throw couldNotFind('group', id);
  for (const place of await listPlacesOfGroup(context.tx, id)) await endGroupGrants(context, directory, id, place);
  await removeGroup(context.tx, id);
}

export async function listMembers(context: Context, groupId: string, query: PageQuery & { name?: string; enabled?: boolean }): Promise<User[]> {
  await getGroup(context, groupId, 'identity:list_users_in_group');
  const conditions = [memberOf(groupId), ...pageConditions(query), ...nameConditions(query)];
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  return selectUsers(context.tx, conditions, rowsFor(query));
}

export async function addMember({ tx }: Context, groupId: string, userId: string): Promise<void> {
  if (!(await lockGroup(tx, groupId))) throw couldNotFind('group', groupId);
  if (!(await findUser(tx, userId))) throw couldNotFind('user', userId);
  await insertMember(tx, groupId, userId);
}

export async function demandMember(context: Context, groupId: string, userId: string): Promise<void> {
  await getGroup(context, groupId, 'identity:check_user_in_group');
  if (!(await isMember(context.tx, groupId, userId))) throw couldNotFind('user', `User '${userId}' not found in group '${groupId}'`);
}

export async function removeMember(context: Context, directory: Directory, groupId: string, userId: string): Promise<void> {
  const { tx } = context;
  if (!(await lockGroup(tx, groupId))) throw couldNotFind('group', groupId);
  if (!(await isMember(tx, groupId, userId))) throw couldNotFind('user', `User '${userId}' not found in group '${groupId}'`);
  for (const place of await listPlacesOfGroup(tx, groupId)) await endGroupGrants(context, directory, groupId, place, [userId]);
  await deleteMember(tx, groupId, userId);
}

function nameTaken(error: unknown, { name }: Group): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('group', `Duplicate entry found with name ${name}`) : error;
}
