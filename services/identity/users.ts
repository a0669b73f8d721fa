/** Users. keystone/identity/core.py */
import { ConstraintViolation, sql, type Sql } from '../../kit/postgres/database.ts';
import { demand, demandList, type Context } from './access.ts';
import type { Directory } from './directory.ts';
import { listLimitOf, rowsWithin } from './domain-options.store.ts';
import { findDomain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type Listed, type PageQuery } from './pages.ts';
import {
  deleteUser as removeUser,
  findPasswordHash,
  findUser,
  insertUser,
  listUsers as selectUsers,
  lockUser,
  updateUser as storeUser,
  type NewUser,
  type User,
  type UserOptions,
} from './users.store.ts';
import { demandWritable } from './directory-sync.ts';
import { passwordPolicyOf } from './password-policy.ts';
import { beginAnew, setPassword, type NewPassword } from './user-passwords.store.ts';
import { alreadyThere, couldNotFind, invalid, notAuthenticated } from './refusals.ts';

export type { NewUser, User } from './users.store.ts';

/** As a client writes them: null takes an option away. */
export type GivenOptions = { [O in keyof UserOptions]?: UserOptions[O] | null | undefined };
export type UserChange = Partial<Omit<User, 'options'>> & { options?: GivenOptions };

export async function listUsers(context: Context, query: PageQuery & { domain_id?: string; enabled?: boolean; name?: string; password_expires_at?: string }): Promise<Listed<User>> {
  const only = demandList(context, 'identity:list_users', (domainId) => ({ domain_id: domainId }));
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (only !== undefined) conditions.push(sql`domain_id = ${only}`);
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  if (query.password_expires_at !== undefined) conditions.push(expiryCondition(query.password_expires_at));
  const domainId = query.domain_id ?? only;
  const [rows, most] = await Promise.all([selectUsers(context.tx, conditions, rowsWithin(domainId, rowsFor(query))), listLimitOf(context.tx, domainId)]);
  return { rows, ...most };
}

const operators: Readonly<Record<string, string>> = { lt: '<', lte: '<=', gt: '>', gte: '>=', eq: '=', neq: '<>' };

/** `lt:2016-11-06T15:32:17Z`; the operator may be left out. */
export function expiryCondition(given: string): Sql {
  const [, name = 'eq', time = ''] = /^(?:([a-z]+):)?(.*)$/.exec(given) ?? [];
  const operator = operators[name];
  if (operator === undefined) throw invalid(`The given operator ${name} is not valid. It must be one of the following: 'eq', 'neq', 'lt', 'lte', 'gt', or 'gte'.`);
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)?$/.test(time) || Number.isNaN(Date.parse(time))) throw invalid('Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.');
  return sql`password_expires_at ${sql.raw(operator)} ${/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`}::timestamptz`;
}

export async function getUser(context: Context, id: string, rule = 'identity:get_user'): Promise<User> {
  return demandUser(context, await findUser(context.tx, id), id, rule);
}

export async function createUser(context: Context, user: NewUser, password: NewPassword | undefined): Promise<User> {
  demand(context, 'identity:create_user', { user: { domain_id: user.domainId } });
  const [domain] = await Promise.all([findDomain(context.tx, user.domainId), demandWritable(context.tx, user.domainId)]);
  if (!domain) throw couldNotFind('domain', user.domainId);
  const made = await insertUser(context.tx, user, null, context.now).catch((error: unknown) => {
    throw nameTaken(error, user);
  });
  if (!password) return made;
  await setPassword(context.tx, user.id, password, 0);
  return (await findUser(context.tx, user.id))!;
}

/** Without a password it is left as it is; one without a hash takes it away. */
export async function updateUser(context: Context, directory: Directory, id: string, change: UserChange, password?: NewPassword): Promise<User> {
  const { tx, now } = context;
  const before = demandUser(context, await lockUser(tx, id), id, 'identity:update_user');
  await demandWritable(tx, before.domainId);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  const after = { ...before, ...change, id, options: changedOptions(before.options, change.options), extra: { ...before.extra, ...change.extra } };
  const updated = await storeUser(tx, after).catch((error: unknown) => {
    throw nameTaken(error, after);
  });
  if (password) await setPassword(tx, id, password, (await passwordPolicyOf(tx, before.domainId)).uniqueLastCount);
  // keystone/identity/backends/sql_model.py: whoever is enabled again begins anew.
  if (change.enabled === true) await beginAnew(tx, id, now);
  if (password || (before.enabled && !after.enabled)) await directory.revoke(tx, [`user:${id}`], now);
  return password ? (await findUser(tx, id))! : updated;
}

export async function deleteUser(context: Context, directory: Directory, id: string): Promise<void> {
  const { tx, now } = context;
  const user = demandUser(context, await lockUser(tx, id), id, 'identity:delete_user');
  await demandWritable(tx, user.domainId);
  await removeUser(tx, id);
  await directory.revoke(tx, [`user:${id}`], now);
}

/** Replaces the hash that the old password was compared with; somebody else's change meanwhile wins. */
export async function changePassword({ tx, now }: Pick<Context, 'tx' | 'now'>, directory: Directory, id: string, change: { from: string; to: NewPassword }): Promise<void> {
  const user = await lockUser(tx, id);
  if (!user || (await findPasswordHash(tx, id)) !== change.from) throw notAuthenticated();
  await demandWritable(tx, user.domainId);
  await setPassword(tx, id, change.to, (await passwordPolicyOf(tx, user.domainId)).uniqueLastCount);
  await directory.revoke(tx, [`user:${id}`], now);
}

/** Asks the rule before it says that there is none. */
export function demandUser(context: Context, user: User | undefined, id: string, rule: string): User {
  demand(context, rule, user ? { user: { id, domain_id: user.domainId }, user_id: id } : { user_id: id });
  if (!user) throw couldNotFind('user', id);
  return user;
}

export function changedOptions(before: UserOptions, change: GivenOptions = {}): UserOptions {
  return Object.fromEntries(Object.entries({ ...before, ...change }).filter(([, value]) => value != null));
}

function nameTaken(error: unknown, { name }: Pick<User, 'name'>): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('user', `Duplicate entry found with name ${name}`) : error;
}
