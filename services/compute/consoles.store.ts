/** The SQL of console tokens. */
import type { ConsoleKind } from '../../drivers/driver.ts';
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type ConsoleToken = { digest: string; projectId: string; userId: string; serverId: string; hostId: string; kind: ConsoleKind; origin: string; expiresAt: Date };

const columns = sql.raw('digest, project_id as "projectId", user_id as "userId", server_id as "serverId", host_id as "hostId", kind, origin, expires_at as "expiresAt"');

export async function insertConsoleToken(tx: Transaction, token: ConsoleToken): Promise<void> {
  const { digest, projectId, userId, serverId, hostId, kind, origin, expiresAt } = token;
  await tx.run`
    insert into compute.console_token (digest, project_id, user_id, server_id, host_id, kind, origin, expires_at)
    values (${digest}, ${projectId}, ${userId}, ${serverId}, ${hostId}, ${kind}, ${origin}, ${expiresAt})`;
}

/** Unless it has been used, or is too old. */
export function findConsoleToken(tx: Transaction, digest: string, now: Date): Promise<ConsoleToken | undefined> {
  return tx.one<ConsoleToken>`select ${columns} from compute.console_token where digest = ${digest} and used_at is null and expires_at > ${now}`;
}

/** Only one of those who come with it at once gets it. */
export function useConsoleToken(tx: Transaction, digest: string, now: Date): Promise<ConsoleToken | undefined> {
  return tx.one<ConsoleToken>`update compute.console_token set used_at = ${now} where digest = ${digest} and used_at is null and expires_at > ${now} returning ${columns}`;
}

export async function deleteExpiredConsoleTokens(tx: Transaction, now: Date): Promise<void> {
  await tx.run`delete from compute.console_token where expires_at < ${now}`;
}
