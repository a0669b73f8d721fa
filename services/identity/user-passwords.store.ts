/** What is known of users' passwords and logins; the hashes travel no further than they must. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type PasswordState = {
  hash: string | null;
  createdAt: Date | null;
  expiresAt: Date | null;
  /** Somebody else chose it otherwise. */
  isOwn: boolean;
  failedLogins: number;
  failedLoginAt: Date | null;
  /** The last day on which the user logged in, or else that on which they were made. */
  lastActiveOn: string | null;
};

export function findPasswordState(tx: Transaction, userId: string): Promise<PasswordState | undefined> {
  return tx.one<PasswordState>`
    select password_hash as hash, password_created_at as "createdAt", password_expires_at as "expiresAt", password_is_own as "isOwn",
      failed_logins as "failedLogins", failed_login_at as "failedLoginAt", coalesce(last_active_on, (created_at at time zone 'utc')::date)::text as "lastActiveOn"
    from identity."user" where id = ${userId}`;
}

export type NewPassword = { hash: string | null; createdAt: Date; expiresAt: Date | null; isOwn: boolean };

/** The one before it is remembered, with so many in all. */
export async function setPassword(tx: Transaction, userId: string, { hash, createdAt, expiresAt, isOwn }: NewPassword, remember: number): Promise<void> {
  await tx.run`insert into identity.past_password (user_id, hash) select id, password_hash from identity."user" where id = ${userId} and password_hash is not null`;
  await tx.run`
    delete from identity.past_password where user_id = ${userId}
      and id not in (select id from identity.past_password where user_id = ${userId} order by id desc limit ${remember})`;
  await tx.run`
    update identity."user"
    set password_hash = ${hash}, password_created_at = ${createdAt}, password_expires_at = ${expiresAt}, password_is_own = ${isOwn}, failed_logins = 0, failed_login_at = null
    where id = ${userId}`;
}

/** The newest first. */
export async function listPastPasswords(tx: Transaction, userId: string, most: number): Promise<string[]> {
  const rows = await tx.rows<{ hash: string }>`select hash from identity.past_password where user_id = ${userId} order by id desc limit ${most}`;
  return rows.map(({ hash }) => hash);
}

export async function recordFailedLogin(tx: Transaction, userId: string, now: Date): Promise<void> {
  await tx.run`update identity."user" set failed_logins = failed_logins + 1, failed_login_at = ${now} where id = ${userId}`;
}

export async function forgetFailedLogins(tx: Transaction, userId: string): Promise<void> {
  await tx.run`update identity."user" set failed_logins = 0, failed_login_at = null where id = ${userId}`;
}

export async function recordActivity(tx: Transaction, userId: string, now: Date): Promise<void> {
  await tx.run`update identity."user" set last_active_on = (${now}::timestamptz at time zone 'utc')::date where id = ${userId}`;
}

/** Neither what failed nor how long nothing happened counts any more. */
export async function beginAnew(tx: Transaction, userId: string, now: Date): Promise<void> {
  await tx.run`
    update identity."user" set failed_logins = 0, failed_login_at = null, last_active_on = (${now}::timestamptz at time zone 'utc')::date where id = ${userId}`;
}
