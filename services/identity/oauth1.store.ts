/** The only file that names the tables of OAuth 1.0a: consumers, and the tokens that users give them. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Sealed } from './vault.ts';

export type Consumer = { id: string; description: string | null; extra: Record<string, unknown> };
export type RequestToken = { id: string; consumerId: string; projectId: string; expiresAt: Date | null; userId: string | null; verifier: string | null; roleIds: string[]; sealed: Buffer };
export type AccessToken = { id: string; consumerId: string; projectId: string; userId: string; roleIds: string[]; expiresAt: Date | null };

const consumerColumns = sql`id, description, extra`;
const accessColumns = sql`id, consumer_id as "consumerId", project_id as "projectId", user_id as "userId", role_ids as "roleIds", expires_at as "expiresAt"`;

export function findConsumer(tx: Transaction, id: string): Promise<Consumer | undefined> {
  return tx.one<Consumer>`select ${consumerColumns} from identity.consumer where id = ${id}`;
}

export function lockConsumer(tx: Transaction, id: string): Promise<Consumer | undefined> {
  return tx.one<Consumer>`select ${consumerColumns} from identity.consumer where id = ${id} for update`;
}

export async function findConsumerSecret(tx: Transaction, id: string): Promise<Buffer | undefined> {
  return (await tx.one<{ sealed: Buffer }>`select sealed from identity.consumer where id = ${id}`)?.sealed;
}

export function listConsumers(tx: Transaction, after: string | undefined, most: number): Promise<Consumer[]> {
  return tx.rows<Consumer>`select ${consumerColumns} from identity.consumer where id > ${after ?? ''} order by id limit ${most}`;
}

export async function insertConsumer(tx: Transaction, { id, description, extra }: Consumer, { sealed, sealingKeyId }: Sealed): Promise<void> {
  await tx.run`insert into identity.consumer (id, description, extra, sealed, sealing_key_id) values (${id}, ${description}, ${sql.json(extra)}, ${sealed}, ${sealingKeyId})`;
}

export async function updateConsumer(tx: Transaction, { id, description, extra }: Consumer): Promise<void> {
  await tx.run`update identity.consumer set description = ${description}, extra = ${sql.json(extra)} where id = ${id}`;
}

export async function deleteConsumer(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.consumer where id = ${id}`;
}

export function findRequestToken(tx: Transaction, id: string): Promise<RequestToken | undefined> {
  return tx.one<RequestToken>`
    select id, consumer_id as "consumerId", project_id as "projectId", expires_at as "expiresAt", user_id as "userId", verifier, role_ids as "roleIds", sealed
    from identity.request_token where id = ${id}`;
}

export async function insertRequestToken(tx: Transaction, { id, consumerId, projectId, expiresAt }: Pick<RequestToken, 'id' | 'consumerId' | 'projectId' | 'expiresAt'>, { sealed, sealingKeyId }: Sealed): Promise<void> {
  await tx.run`
    insert into identity.request_token (id, consumer_id, project_id, expires_at, sealed, sealing_key_id)
    values (${id}, ${consumerId}, ${projectId}, ${expiresAt}, ${sealed}, ${sealingKeyId})`;
}

export async function authorizeRequestToken(tx: Transaction, id: string, { userId, verifier, roleIds }: { userId: string; verifier: string; roleIds: readonly string[] }): Promise<void> {
  await tx.run`update identity.request_token set user_id = ${userId}, verifier = ${verifier}, role_ids = ${roleIds}::text[] where id = ${id}`;
}

/** False: another was faster. */
export async function deleteRequestToken(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run`delete from identity.request_token where id = ${id}`) === 1;
}

export function findAccessToken(tx: Transaction, id: string): Promise<AccessToken | undefined> {
  return tx.one<AccessToken>`select ${accessColumns} from identity.access_token where id = ${id}`;
}

export async function findAccessTokenSecret(tx: Transaction, id: string): Promise<Buffer | undefined> {
  return (await tx.one<{ sealed: Buffer }>`select sealed from identity.access_token where id = ${id}`)?.sealed;
}

export function listAccessTokens(tx: Transaction, userId: string, after: string | undefined, most: number): Promise<AccessToken[]> {
  return tx.rows<AccessToken>`select ${accessColumns} from identity.access_token where user_id = ${userId} and id > ${after ?? ''} order by id limit ${most}`;
}

export async function insertAccessToken(tx: Transaction, token: AccessToken, { sealed, sealingKeyId }: Sealed): Promise<void> {
  await tx.run`
    insert into identity.access_token (id, consumer_id, project_id, user_id, role_ids, expires_at, sealed, sealing_key_id)
    values (${token.id}, ${token.consumerId}, ${token.projectId}, ${token.userId}, ${token.roleIds}::text[], ${token.expiresAt}, ${sealed}, ${sealingKeyId})`;
}

export async function deleteAccessToken(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.access_token where id = ${id}`;
}
