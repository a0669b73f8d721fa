/** Groups of users, to which roles can be granted as to one user. keystone/identity/core.py */
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demand, demandList, type Context } from './access.ts';
import type { Directory } from './directory.ts';
import { demandWritable } from './directory-sync.ts';
import { listLimitOf, rowsWithin } from './domain-options.store.ts';
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
import { nameConditions, pageConditions, rowsFor, type Listed, type PageQuery } from './pages.ts';
import { alreadyThere, couldNotFind, invalid } from './refusals.ts';
import { expiryCondition, getUser, type User } from './users.ts';
import { findUser, listUsers as selectUsers, memberOf } from './users.store.ts';

export type { Group } from './groups.store.ts';

export async function listGroups(context: Context, query: PageQuery & { domain_id?: string; name?: string }): Promise<Listed<Group>> {
  const only = demandList(context, 'identity:list_groups', (domainId) => ({ group: { domain_id: domainId } }));
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (only !== undefined) conditions.push(sql`domain_id = ${only}`);
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  const domainId = query.domain_id ?? only;
  const [rows, most] = await Promise.all([selectGroups(context.tx, conditions, rowsWithin(domainId, rowsFor(query))), listLimitOf(context.tx, domainId)]);
  return { rows, ...most };
}

export async function listGroupsOfUser(context: Context, userId: string, query: PageQuery & { name?: string }): Promise<Listed<Group>> {
  const { domainId } = await getUser(context, userId, 'identity:list_groups_for_user');
  const conditions = [groupOf(userId), ...ofCallersDomain(context), ...pageConditions(query), ...nameConditions(query)];
  const [rows, most] = await Promise.all([selectGroups(context.tx, conditions, rowsWithin(domainId, rowsFor(query))), listLimitOf(context.tx, domainId)]);
  return { rows, ...most };
}

export async function getGroup(context: Context, id: string, rule = 'identity:get_group'): Promise<Group> {
  return demandGroup(context, await findGroup(context.tx, id), id, rule);
}

export async function createGroup(context: Context, group: Group): Promise<Group> {
  demand(context, 'identity:create_group', { group: { domain_id: group.domainId } });
  const [domain] = await Promise.all([findDomain(context.tx, group.domainId), demandWritable(context.tx, group.domainId)]);
  if (!domain) throw couldNotFind('domain', group.domainId);
  await insertGroup(context.tx, group, (error) => nameTaken(error, group));
  return group;
}

export async function updateGroup(context: Context, id: string, change: Partial<Group>): Promise<Group> {
  const before = demandGroup(context, await lockGroup(context.tx, id), id, 'identity:update_group');
  await demandWritable(context.tx, before.domainId);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  const after: Group = { ...before, ...change, id, extra: { ...before.extra, ...change.extra } };
  await storeGroup(context.tx, after, (error) => nameTaken(error, after));
  return after;
}

export async function deleteGroup(context: Context, directory: Directory, id: string): Promise<void> {
  const found = await lockGroup(context.tx, id);
  // Here, and not when it is shown or changed, keystone says that there is none to whoever asks. keystone/api/groups.py
  if (!found) throw couldNotFind('group', id);
  const group = demandGroup(context, found, id, 'identity:delete_group');
  const [places] = await Promise.all([listPlacesOfGroup(context.tx, id), demandWritable(context.tx, group.domainId)]);
  for (const where of places) await endGroupGrants(context, directory, id, where);
  await removeGroup(context.tx, id);
}

export async function listMembers(context: Context, groupId: string, query: PageQuery & { name?: string; enabled?: boolean; password_expires_at?: string }): Promise<Listed<User>> {
  const { domainId } = await getGroup(context, groupId, 'identity:list_users_in_group');
  const conditions = [memberOf(groupId), ...ofCallersDomain(context), ...pageConditions(query), ...nameConditions(query)];
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  if (query.password_expires_at !== undefined) conditions.push(expiryCondition(query.password_expires_at));
  const [rows, most] = await Promise.all([selectUsers(context.tx, conditions, rowsWithin(domainId, rowsFor(query))), listLimitOf(context.tx, domainId)]);
  return { rows, ...most };
}

export async function addMember(context: Context, groupId: string, userId: string): Promise<void> {
  const group = await demandPair(context, lockGroup, groupId, userId, 'identity:add_user_to_group');
  await demandWritable(context.tx, group.domainId);
  await insertMember(context.tx, groupId, userId);
}

export async function demandMember(context: Context, groupId: string, userId: string): Promise<void> {
  await demandPair(context, findGroup, groupId, userId, 'identity:check_user_in_group');
  if (!(await isMember(context.tx, groupId, userId))) throw couldNotFind('user', `User '${userId}' not found in group '${groupId}'`);
}

export async function removeMember(context: Context, directory: Directory, groupId: string, userId: string): Promise<void> {
  const { tx } = context;
  const group = await demandPair(context, lockGroup, groupId, userId, 'identity:remove_user_from_group');
  const [wasMember, places] = await Promise.all([isMember(tx, groupId, userId), listPlacesOfGroup(tx, groupId), demandWritable(tx, group.domainId)]);
  if (!wasMember) throw couldNotFind('user', `User '${userId}' not found in group '${groupId}'`);
  for (const where of places) await endGroupGrants(context, directory, groupId, where, [userId]);
  await deleteMember(tx, groupId, userId);
}

/** A token of a domain sees nothing of another one. */
function ofCallersDomain({ caller }: Context) {
  return caller.domainId === null ? [] : [sql`domain_id = ${caller.domainId}`];
}

/** Asks the rule before it says that there is none. */
function demandGroup(context: Context, group: Group | undefined, id: string, rule: string): Group {
  demand(context, rule, group ? { group: { id, domain_id: group.domainId } } : {});
  if (!group) throw couldNotFind('group', id);
  return group;
}

async function demandPair(context: Context, find: typeof findGroup, groupId: string, userId: string, rule: string): Promise<Group> {
  const [group, user] = await Promise.all([find(context.tx, groupId), findUser(context.tx, userId)]);
  demand(context, rule, { ...(group ? { group: { domain_id: group.domainId } } : {}), ...(user ? { user: { domain_id: user.domainId } } : {}) });
  if (!group) throw couldNotFind('group', groupId);
  if (!user) throw couldNotFind('user', userId);
  return group;
}

function nameTaken(error: unknown, { name }: Group): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('group', `Duplicate entry found with name ${name}`) : error;
}
