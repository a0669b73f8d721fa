/** Users. keystone/identity/core.py */
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demand, demandList, type Context } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import {
  deleteUser as removeUser,
  findPasswordHash,
  findUser,
  insertUser,
  listUsers as selectUsers,
  lockUser,
  setPasswordHash,
  updateUser as storeUser,
  type User,
  type UserOptions,
} from './users.store.ts';
import { alreadyThere, couldNotFind, invalid, notAuthenticated } from './refusals.ts';

export type { User } from './users.store.ts';

/** As a client writes them: null takes an option away. */
export type GivenOptions = { [O in keyof UserOptions]?: UserOptions[O] | null | undefined };
export type UserChange = Partial<Omit<User, 'options'>> & { options?: GivenOptions };

export function listUsers(context: Context, query: PageQuery & { domain_id?: string; enabled?: boolean; name?: string }): Promise<User[]> {
  const only = demandList(context, 'identity:list_users', (domainId) => ({ domain_id: domainId }));
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (only !== undefined) conditions.push(sql`domain_id = ${only}`);
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  return selectUsers(context.tx, conditions, rowsFor(query));
}

export async function getUser(context: Context, id: string, rule = 'identity:get_user'): Promise<User> {
  return demandUser(context, await findUser(context.tx, id), id, rule);
}

export async function createUser(context: Context, user: User, passwordHash: string | null): Promise<User> {
  demand(context, 'identity:create_user', { user: { domain_id: user.domainId } });
  if (!(await findDomain(context.tx, user.domainId))) throw couldNotFind('domain', user.domainId);
  await insertUser(context.tx, user, passwordHash).catch((error: unknown) => {
    throw nameTaken(error, user);
  });
  return user;
}

/** `passwordHash`: undefined leaves the password as it is, null takes it away. */
export async function updateUser(context: Context, directory: Directory, id: string, change: UserChange, passwordHash?: string | null): Promise<User> {
  const { tx, now } = context;
  const before = demandUser(context, await lockUser(tx, id), id, 'identity:update_user');
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  const after: User = { ...before, ...change, id, options: changedOptions(before.options, change.options), extra: { ...before.extra, ...change.extra } };
  await storeUser(tx, after).catch((error: unknown) => {
    throw nameTaken(error, after);
  });
  if (passwordHash !== undefined) await setPasswordHash(tx, id, passwordHash);
  if (passwordHash !== undefined || (before.enabled && !after.enabled)) await directory.revoke(tx, [`user:${id}`], now);
  return after;
}

export async function deleteUser(context: Context, directory: Directory, id: string): Promise<void> {
  const { tx, now } = context;
  demandUser(context, await lockUser(tx, id), id, 'identity:delete_user');
  await removeUser(tx, id);
  await directory.revoke(tx, [`user:${id}`], now);
}

/** Replaces the hash that the old password was compared with; somebody else's change meanwhile wins. */
export async function changePassword({ tx, now }: Pick<Context, 'tx' | 'now'>, directory: Directory, id: string, change: { from: string; to: string }): Promise<void> {
  if (!(await lockUser(tx, id)) || (await findPasswordHash(tx, id)) !== change.from) throw notAuthenticated();
  await setPasswordHash(tx, id, change.to);
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

function nameTaken(error: unknown, { name }: User): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('user', `Duplicate entry found with name ${name}`) : error;
}
