/** Giving volumes to other projects: cinder/transfer/api.py. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../kit/clock.ts';
import { badRequest, forbidden, notFound, type Fault } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql, type Sql } from '../../kit/postgres/database.ts';
import { readFilters, type ListQuery } from './lists.ts';
import { snapshotsOf } from './snapshots.store.ts';
import { deleteTransferRow, findTransfer, handOver, insertTransfer, lockOffered, selectTransfers, weightOf, type Transfer } from './transfers.store.ts';
import { tellTransfer, tellVolume } from './volume-events.ts';
import { claimVolumes, releaseVolumes } from './volume-quotas.ts';
import { changeVolume, getVolume } from './volumes.ts';
import { lockVolume } from './volumes.store.ts';

export type { Transfer } from './transfers.store.ts';

/** As long as Cinder's: volume_transfer_key_length, volume_transfer_salt_length. */
const keyLength = 16;
const saltLength = 8;

export async function offerVolume(context: Context, { volumeId, name, withSnapshots }: { volumeId: string; name: string | null; withSnapshots: boolean }): Promise<{ transfer: Transfer; authKey: string }> {
  const { tx, now, random } = context;
  const volume = (await lockVolume(tx, volumeId)) ?? (await getVolume(context, volumeId));
  if (volume.status !== 'available') throw badRequest('Invalid volume: status must be available');
  if (volume.groupId !== null) throw badRequest(`Invalid volume: Volume ${volumeId} belongs to group ${volume.groupId}: take it out of the group first.`);
  if (volume.keyId !== null && !withSnapshots) throw badRequest('Invalid volume: transferring an encrypted volume without its snapshots is not supported');
  const unready = (withSnapshots ? await snapshotsOf(tx, volumeId) : []).find(({ status }) => status !== 'available');
  if (unready) throw badRequest(`Invalid snapshot: snapshot: ${unready.id} status must be available`);
  const [id, authKey, salt] = [random.uuid(), randomText(random, keyLength), randomText(random, saltLength)];
  await insertTransfer(tx, { id, projectId: volume.projectId, volumeId, name, salt, keyDigest: digest(salt, authKey), withSnapshots, createdAt: now });
  await changeVolume(context, volumeId, { status: 'awaiting-transfer' });
  const transfer = await getTransfer(context, id);
  await tellTransfer(context, 'volume.transfer.create', transfer);
  return { transfer, authKey };
}

export async function getTransfer({ tx }: Pick<Context, 'tx'>, id: string): Promise<Transfer> {
  const transfer = await findTransfer(tx, id);
  if (!transfer) throw noTransfer(id);
  return transfer;
}

const sortable: Record<string, Sql> = { created_at: sql.raw('t.created_at'), name: sql.raw(`coalesce(t.name, '')`), display_name: sql.raw(`coalesce(t.name, '')`), volume_id: sql.raw('t.volume_id'), id: sql.raw('t.id') };

export async function listTransfers(context: Context, query: ListQuery): Promise<Transfer[]> {
  const { conditions, order, beyond } = await readFilters(context, query, { sortable, filterable: { name: sql.raw('t.name'), volume_id: sql.raw('t.volume_id') }, columns: { name: sql.raw('t.name'), metadata: sql.raw(`'{}'::jsonb`), project: sql.raw('t.project_id') }, table: sql.raw('volume.transfer t'), id: sql.raw('t.id'), noun: 'Transfer' });
  return selectTransfers(context.tx, { conditions: [...conditions, ...beyond], order, limit: query.limit, offset: query.offset });
}

export async function withdrawTransfer(context: Context, id: string): Promise<void> {
  const transfer = await getTransfer(context, id);
  await deleteTransferRow(context.tx, id);
  await changeVolume(context, transfer.volumeId, ({ status }) => (status === 'awaiting-transfer' ? { status: 'available' } : {}));
  await tellTransfer(context, 'volume.transfer.delete', transfer);
}

export async function acceptTransfer(context: Context, id: string, authKey: string): Promise<Transfer> {
  const { tx, now, caller } = context;
  const { projectId, userId } = caller;
  if (projectId === null) throw forbidden('A token for a project is needed to accept a volume.');
  const transfer = await lockOffered(tx, id);
  if (!transfer) throw noTransfer(id);
  if (!timingSafeEqual(Buffer.from(digest(transfer.salt, authKey)), Buffer.from(transfer.keyDigest))) throw badRequest(`Invalid auth key: Attempt to transfer ${id} with invalid auth key.`);
  const { volumeGiB, snapshots, snapshotGiB, ready, typeId } = await weightOf(tx, id);
  if (!ready) throw badRequest('Invalid volume: the volume or one of its snapshots is being changed.');
  const weight = { volumes: 1, snapshots, gigabytes: volumeGiB + snapshotGiB };
  await claimVolumes(tx, projectId, weight, typeId);
  await releaseVolumes(tx, transfer.projectId, weight, typeId);
  await handOver(tx, id, { projectId, userId, now });
  const volume = await getVolume(context, transfer.volumeId);
  // Both projects are told: to the one it is gone, to the other it is new.
  await tellVolume(context, 'volume.transfer.accept.end', { ...volume, projectId: transfer.projectId });
  if (projectId !== transfer.projectId) await tellVolume(context, 'volume.transfer.accept.end', volume);
  await tellTransfer(context, 'volume.transfer.accept', transfer);
  return transfer;
}

function randomText(random: Random, length: number): string {
  return random.bytes(length / 2).toString('hex');
}

function digest(salt: string, key: string): string {
  return createHmac('sha256', salt).update(key).digest('hex');
}

function noTransfer(id: string): Fault {
  return notFound(`Transfer ${id} could not be found.`);
}
