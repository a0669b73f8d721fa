/**
 * Whether a password is a user's: with what a domain demands of passwords besides. Whatever is wrong, the answer is
 * the same after the same work (ATTACKS 20, 21); only who knows the password learns that it has expired.
 * keystone/identity/backends/sql.py, authenticate
 */
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { busy } from '../../kit/fault.ts';
import { DirectoryServerError, type DirectoryServer } from './directory-server.ts';
import { findLocalId } from './directory-server.store.ts';
import { directoryServerOf } from './directory-sync.ts';
import { dayMs, passwordPolicyOf, type PasswordPolicy } from './password-policy.ts';
import type { Passwords } from './passwords.ts';
import { notAuthenticated, passwordExpired } from './refusals.ts';
import { findPasswordState, forgetFailedLogins, recordActivity, recordFailedLogin, type PasswordState } from './user-passwords.store.ts';
import { lockUser, type User } from './users.store.ts';
import type { Vault } from './vault.ts';

export type LoginParts = {
  passwords: Passwords;
  /** Opens what a directory server asks for. */
  vault: Vault;
  /** Transactions that end before anything is computed. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  now: Date;
};

/** Transactions of their own: what was guessed wrongly is counted even though the request changes nothing then. */
export function countingFailures(database: Database): LoginParts['write'] {
  return (work) => database.transaction({ kind: 'system', reason: 'failed logins are counted' }, work);
}

/** The user, when the password is right and may be used; `find` gives only users who may log in at all. */
export async function logIn(parts: LoginParts, find: (tx: Transaction) => Promise<User | undefined>, password: string, { expired = 'refuse' }: { expired?: 'refuse' | 'take' } = {}): Promise<User> {
  const { passwords, vault, read, write, now } = parts;
  const known = await read(async (tx) => {
    const user = await find(tx);
    if (!user) return undefined;
    const [state, localId, policy] = await Promise.all([findPasswordState(tx, user.id), findLocalId(tx, 'user', user.id), passwordPolicyOf(tx, user.domainId)]);
    if (!state) return undefined;
    return { user, state, policy, elsewhere: localId === null ? undefined : { localId, server: await directoryServerOf(tx, vault, user.domainId) } };
  });
  // As long for who is kept elsewhere and for who is not there at all.
  const matchesHere = await passwords.matches(password, known?.state.hash ?? null);
  const matches = known?.elsewhere ? await matchesThere(known.elsewhere, password) : matchesHere;
  if (!known) throw notAuthenticated();
  const { user, state, policy } = known;
  if (!(await counts(write, user, policy, matches, now))) throw notAuthenticated();
  if (isInactive(policy, user, state, now)) throw notAuthenticated();
  if (expired === 'refuse' && isExpired(user, state, now)) throw passwordExpired(user.id);
  if (policy.disableAfterInactiveDays !== null && state.lastActiveOn !== dayOf(now)) await write((tx) => recordActivity(tx, user.id, now));
  return user;
}

/** Whether the attempt lets its user in: not who is locked out by wrong ones, of passwords and of passcodes alike. */
export async function counts(write: LoginParts['write'], user: User, policy: PasswordPolicy, matches: boolean, now: Date): Promise<boolean> {
  if (policy.lockoutFailureAttempts === null || user.options.ignore_lockout_failure_attempts === true) return matches;
  // Judged one after another, so that many guesses at once are no more than so many.
  return write((tx) => judge(tx, user.id, policy, matches, now));
}

/** Asked now: who has been disabled there meanwhile does not get in. A server that does not answer lets nobody in. */
async function matchesThere({ localId, server }: { localId: string; server: DirectoryServer | undefined }, password: string): Promise<boolean> {
  try {
    const entry = await server?.findUser(localId);
    return entry?.enabled === true && (await server!.isPasswordOf(entry.dn, password));
  } catch (error) {
    if (error instanceof DirectoryServerError) throw busy('The directory server of the domain does not answer. Ask again in a moment.', 5);
    throw error;
  }
}

/** Counts what was wrong, forgets it after what was right; false for whoever is locked out by now. */
async function judge(tx: Transaction, userId: string, policy: PasswordPolicy, matches: boolean, now: Date): Promise<boolean> {
  if (!(await lockUser(tx, userId))) return false;
  const state = await findPasswordState(tx, userId);
  if (!state || isLocked(policy, state, now)) return false;
  if (matches) {
    if (state.failedLogins > 0) await forgetFailedLogins(tx, userId);
    return true;
  }
  // Those of before the lockout that is over count no more.
  if (state.failedLogins >= (policy.lockoutFailureAttempts ?? Infinity)) await forgetFailedLogins(tx, userId);
  await recordFailedLogin(tx, userId, now);
  return false;
}

function isLocked({ lockoutFailureAttempts: attempts, lockoutDurationMs: duration }: PasswordPolicy, { failedLogins, failedLoginAt }: PasswordState, now: Date): boolean {
  if (attempts === null || attempts === 0 || failedLogins < attempts || failedLoginAt === null) return false;
  return duration === null || duration === 0 || failedLoginAt.getTime() + duration > now.getTime();
}

function isInactive({ disableAfterInactiveDays: days }: PasswordPolicy, { options }: User, { lastActiveOn }: PasswordState, now: Date): boolean {
  if (days === null || days === 0 || lastActiveOn === null || options.ignore_user_inactivity === true) return false;
  return Math.floor((Date.parse(dayOf(now)) - Date.parse(lastActiveOn)) / dayMs) >= days;
}

function isExpired({ options }: User, { expiresAt }: PasswordState, now: Date): boolean {
  return expiresAt !== null && expiresAt <= now && options.ignore_password_expiry !== true;
}

function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}
