/** Telling a project why what it asked for did not come about: cinder/message/api.py, message_field.py. */
import { notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { deleteMessageRow, findMessage, insertMessage, selectMessages, type Message } from './messages.store.ts';
import { tellMessage } from './volume-events.ts';
import type { Starting } from './work.ts';

export type { Message } from './messages.store.ts';

/** cinder: message_ttl */
const keptMs = 30 * 24 * 3_600_000;

const actions = { '001': 'schedule allocate volume', '003': 'copy volume to image', '007': 'extend volume', '008': 'create volume from backend storage', '009': 'create snapshot', '010': 'delete snapshot', '013': 'create backup', '014': 'retype', '015': 'restore backup', '017': 'reimage volume' } as const;
const details = {
  '003': 'Could not find any available weighted backend.',
  '004': 'Failed to upload volume to image at backend.',
  '010': 'Volume Driver failed to extend volume.',
  '012': 'Driver failed to create the volume.',
  '013': 'Snapshot failed to create.',
  '016': 'Snapshot failed to delete.',
  '017': 'Backup failed to create.',
  '018': 'Backup failed to restore.',
  '024': 'Failed to reimage volume.',
} as const;

export const mishaps = {
  noPlace: { resourceType: 'VOLUME', actionId: '001', detailId: '003' },
  notMade: { resourceType: 'VOLUME', actionId: '008', detailId: '012' },
  notExtended: { resourceType: 'VOLUME', actionId: '007', detailId: '010' },
  notCopied: { resourceType: 'VOLUME', actionId: '003', detailId: '004' },
  noPlaceAnew: { resourceType: 'VOLUME', actionId: '014', detailId: '003' },
  notReimaged: { resourceType: 'VOLUME', actionId: '017', detailId: '024' },
  noSnapshot: { resourceType: 'VOLUME_SNAPSHOT', actionId: '009', detailId: '013' },
  noBackup: { resourceType: 'VOLUME_BACKUP', actionId: '013', detailId: '017' },
  notRestored: { resourceType: 'VOLUME_BACKUP', actionId: '015', detailId: '018' },
  snapshotStays: { resourceType: 'VOLUME_SNAPSHOT', actionId: '010', detailId: '016' },
} as const satisfies Record<string, { resourceType: Message['resourceType']; actionId: keyof typeof actions; detailId: keyof typeof details }>;

/** In the transaction in which the thing becomes an error. */
export async function report(context: Starting & Pick<Context, 'random'>, mishap: keyof typeof mishaps, { id: resourceId, projectId }: { id: string; projectId: string }): Promise<void> {
  const { tx, now, random, requestId = null } = context;
  const id = random.uuid();
  await insertMessage(tx, { ...mishaps[mishap], id, projectId, resourceId, requestId, createdAt: now, expiresAt: new Date(now.getTime() + keptMs) });
  await tellMessage(context, { id, projectId, resourceId });
}

/** `action:detail`, in Cinder's words. */
export function textOf({ actionId, detailId }: Message): string {
  return `${actions[actionId as keyof typeof actions]}:${details[detailId as keyof typeof details]}`;
}

export async function getMessage({ tx }: Pick<Context, 'tx'>, id: string): Promise<Message> {
  const message = await findMessage(tx, id);
  if (!message) throw notFound(`Message ${id} could not be found.`);
  return message;
}

export async function deleteMessage(context: Context, id: string): Promise<void> {
  const message = await getMessage(context, id);
  await deleteMessageRow(context.tx, id);
  await tellMessage(context, message);
}

const eventId = sql.raw(`'VOLUME_' || m.resource_type || '_' || m.action_id || '_' || m.detail_id`);
const sortable: Record<string, Sql> = { created_at: sql.raw('m.created_at'), id: sql.raw('m.id'), event_id: eventId, message_level: sql.raw(`'ERROR'`), resource_type: sql.raw('m.resource_type'), resource_uuid: sql.raw('m.resource_id'), request_id: sql.raw(`coalesce(m.request_id, '')`) };

export async function listMessages(context: Context, query: ListQuery): Promise<Message[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable: sortable, columns: { name: eventId, metadata: sql.raw(`'{}'::jsonb`), project: sql.raw('m.project_id') }, table: sql.raw('volume.message m'), id: sql.raw('m.id'), noun: 'Message' });
  return selectMessages(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
}
