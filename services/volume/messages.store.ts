/** The SQL of messages. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Message = { id: string; projectId: string; resourceType: 'VOLUME' | 'VOLUME_SNAPSHOT' | 'VOLUME_BACKUP'; resourceId: string; actionId: string; detailId: string; requestId: string | null; createdAt: Date; expiresAt: Date };

const columns = sql.raw(`m.id, m.project_id as "projectId", m.resource_type as "resourceType", m.resource_id as "resourceId", m.action_id as "actionId", m.detail_id as "detailId",
  m.request_id as "requestId", m.created_at as "createdAt", m.expires_at as "expiresAt"`);

export async function insertMessage(tx: Transaction, { id, projectId, resourceType, resourceId, actionId, detailId, requestId, createdAt, expiresAt }: Message): Promise<void> {
  await tx.run`
    insert into volume.message (id, project_id, resource_type, resource_id, action_id, detail_id, request_id, created_at, expires_at)
    values (${id}, ${projectId}, ${resourceType}, ${resourceId}, ${actionId}, ${detailId}, ${requestId}, ${createdAt}, ${expiresAt})`;
}

export function findMessage(tx: Transaction, id: string): Promise<Message | undefined> {
  return tx.one<Message>`select ${columns} from volume.message m where m.id = ${id}`;
}

export function selectMessages(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Message[]> {
  return tx.rows<Message>`select ${columns} from volume.message m where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export function deleteMessageRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.message where id = ${id}`;
}

export function deleteExpired(tx: Transaction, now: Date): Promise<number> {
  return tx.run`delete from volume.message where expires_at < ${now}`;
}
