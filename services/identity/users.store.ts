/** The only file that names the table of users. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

/** What is asked of this user alone; what is left out is as for everybody. */
export type UserOptions = {
  ignore_change_password_upon_first_use?: boolean;
  ignore_password_expiry?: boolean;
  ignore_lockout_failure_attempts?: boolean;
  ignore_user_inactivity?: boolean;
  lock_password?: boolean;
  multi_factor_auth_enabled?: boolean;
  multi_factor_auth_rules?: string[][];
};

export type User = {
  id: string;
  domainId: string;
  name: string;
  defaultProjectId: string | null;
  description: string | null;
  email: string | null;
  enabled: boolean;
  options: UserOptions;
  /** UTC, as keystone writes it. */
  passwordExpiresAt: string | null;
  extra: Record<string, unknown>;
};
export type NewUser = Omit<User, 'passwordExpiresAt'>;

const columns = sql`id, domain_id as "domainId", name, default_project_id as "defaultProjectId", description, email, enabled, options, extra,
  to_char(password_expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') as "passwordExpiresAt"`;

export function findUser(tx: Transaction, id: string): Promise<User | undefined> {
  return tx.one<User>`select ${columns} from identity."user" where id = ${id}`;
}

export function lockUser(tx: Transaction, id: string): Promise<User | undefined> {
  return tx.one<User>`select ${columns} from identity."user" where id = ${id} for update`;
}

export function findUserByName(tx: Transaction, domainId: string, name: string): Promise<User | undefined> {
  return tx.one<User>`select ${columns} from identity."user" where domain_id = ${domainId} and name = ${name}`;
}

/** Apart from the user, so that it travels nowhere by accident. */
export async function findPasswordHash(tx: Transaction, userId: string): Promise<string | null> {
  const row = await tx.one<{ hash: string | null }>`select password_hash as hash from identity."user" where id = ${userId}`;
  return row?.hash ?? null;
}

export function listUsers(tx: Transaction, conditions: readonly Sql[], most: number | Sql): Promise<User[]> {
  return tx.rows<User>`select ${columns} from identity."user" where ${sql.and(conditions)} order by id limit ${most}`;
}

export const memberOf = (groupId: string): Sql => sql`id in (select user_id from identity.membership where group_id = ${groupId})`;

export async function insertUser(tx: Transaction, user: NewUser, passwordHash: string | null, createdAt: Date | null = null): Promise<User> {
  const made = await tx.one<User>`
    insert into identity."user" (id, domain_id, name, password_hash, default_project_id, description, email, enabled, options, extra, created_at)
    values (${user.id}, ${user.domainId}, ${user.name}, ${passwordHash}, ${user.defaultProjectId}, ${user.description}, ${user.email}, ${user.enabled}, ${sql.json(user.options)}, ${sql.json(user.extra)}, ${createdAt})
    returning ${columns}`;
  return made!;
}

/** One that is locked. */
export async function updateUser(tx: Transaction, user: NewUser): Promise<User> {
  const updated = await tx.one<User>`
    update identity."user"
    set name = ${user.name}, default_project_id = ${user.defaultProjectId}, description = ${user.description}, email = ${user.email},
      enabled = ${user.enabled}, options = ${sql.json(user.options)}, extra = ${sql.json(user.extra)}
    where id = ${user.id} returning ${columns}`;
  return updated!;
}

export async function deleteUser(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity."user" where id = ${id}`);
}
