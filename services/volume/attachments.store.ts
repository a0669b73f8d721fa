/** The SQL of attachments. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type AttachmentStatus = 'reserved' | 'attached' | 'detaching';
export type Attachment = {
  id: string;
  projectId: string;
  volumeId: string;
  serverId: string | null;
  ofCompute: boolean;
  status: AttachmentStatus;
  mode: 'rw' | 'ro';
  device: string | null;
  hostId: string | null;
  deleteOnTermination: boolean;
  createdAt: Date;
  attachedAt: Date | null;
};

const columns = sql.raw(`id, project_id as "projectId", volume_id as "volumeId", server_id as "serverId", of_compute as "ofCompute", status, mode, device, host_id as "hostId",
  delete_on_termination as "deleteOnTermination", created_at as "createdAt", attached_at as "attachedAt"`);

export async function insertAttachment(tx: Transaction, { id, projectId, volumeId, serverId, ofCompute, mode, shared, now }: { id: string; projectId: string; volumeId: string; serverId: string | null; ofCompute: boolean; mode: 'rw' | 'ro'; shared: boolean; now: Date }): Promise<void> {
  await tx.run`
    insert into volume.attachment (id, project_id, volume_id, server_id, of_compute, status, mode, shared, created_at) values (${id}, ${projectId}, ${volumeId}, ${serverId}, ${ofCompute}, 'reserved', ${mode}, ${shared}, ${now})`;
}

export function findAttachment(tx: Transaction, id: string): Promise<Attachment | undefined> {
  return tx.one<Attachment>`select ${columns} from volume.attachment where id = ${id}`;
}

export function listAttachments(tx: Transaction, conditions: readonly Sql[], { limit = 1000, offset = 0 }: { limit?: number; offset?: number } = {}): Promise<Attachment[]> {
  return tx.rows<Attachment>`select ${columns} from volume.attachment where ${sql.and(conditions)} order by created_at desc, id desc limit ${limit} offset ${offset}`;
}

export function attachmentsOfVolumes(tx: Transaction, volumeIds: readonly string[]): Promise<Attachment[]> {
  return tx.rows<Attachment>`select ${columns} from volume.attachment where volume_id = any(${[...volumeIds]}::text[]) order by created_at, id`;
}

export function setAttached(tx: Transaction, id: string, { device, hostId, now }: { device: string | null; hostId: string | null; now: Date }): Promise<number> {
  return tx.run`
    update volume.attachment set status = 'attached', device = coalesce(${device}, device), host_id = coalesce(${hostId}, host_id), attached_at = coalesce(attached_at, ${now}) where id = ${id}`;
}

export function setDetaching(tx: Transaction, id: string): Promise<number> {
  return tx.run`update volume.attachment set status = 'detaching' where id = ${id}`;
}

export function deleteAttachmentRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.attachment where id = ${id}`;
}
