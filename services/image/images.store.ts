/** The SQL of images. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Visibility = 'private' | 'public' | 'shared' | 'community';
export type ImageStatus = 'queued' | 'saving' | 'uploading' | 'importing' | 'active' | 'deactivated';

export type Image = {
  id: string;
  projectId: string;
  name: string | null;
  status: ImageStatus;
  visibility: Visibility;
  containerFormat: string | null;
  diskFormat: string | null;
  minDiskGiB: number;
  minRamMiB: number;
  protected: boolean;
  hidden: boolean;
  tags: string[];
  properties: Record<string, string | null>;
  md5: string | null;
  sha512: string | null;
  sha256: string | null;
  sizeBytes: number | null;
  failure: string | null;
  /** Who has its bytes under way: the name of their file in the incoming folder. */
  upload: string | null;
  /** How many bytes wait for an import; null while they still come. */
  stagedBytes: number | null;
  /** Where its bytes are. */
  stores: string[];
  /** Of the last import: where it is still to bring them, and where it could not. */
  importingStores: string[] | null;
  failedStores: string[] | null;
  importTask: string | null;
  /** It stands for snapshots of volumes, and has no bytes of its own. */
  ofVolumes: boolean;
  /** What its project is charged for it. */
  chargedBytes: number;
  createdAt: Date;
  updatedAt: Date;
  /** Of the blob: how its bytes are to be read, and how large the disk in them is. */
  format: 'raw' | 'qcow2' | 'opaque' | null;
  virtualSizeBytes: number | null;
};

export type ImageDraft = Pick<Image, 'projectId' | 'name' | 'visibility' | 'containerFormat' | 'diskFormat' | 'minDiskGiB' | 'minRamMiB' | 'protected' | 'hidden' | 'tags' | 'properties'>;

const columns = sql.raw(`i.id, i.project_id as "projectId", i.name, i.status, i.visibility, i.container_format as "containerFormat",
  i.disk_format as "diskFormat", i.min_disk_gib as "minDiskGiB", i.min_ram_mib as "minRamMiB", i.protected, i.hidden, i.tags, i.properties,
  i.md5, i.sha512, i.sha256, i.size_bytes as "sizeBytes", i.failure, i.upload, i.staged_bytes as "stagedBytes",
  i.stores, i.importing_stores as "importingStores", i.failed_stores as "failedStores", i.import_task as "importTask", i.of_volumes as "ofVolumes", i.charged_bytes as "chargedBytes", i.created_at as "createdAt", i.updated_at as "updatedAt",
  b.format, b.virtual_size_bytes as "virtualSizeBytes"`);
const from = sql.raw('image.image i left join image.blob b using (sha256)');

export function findImage(tx: Transaction, id: string): Promise<Image | undefined> {
  return tx.one<Image>`select ${columns} from ${from} where i.id = ${id}`;
}

/** The oldest of this name that the project shows to everyone. */
export function findPublicImage(tx: Transaction, projectId: string, name: string): Promise<Image | undefined> {
  return tx.one<Image>`select ${columns} from ${from} where i.project_id = ${projectId} and i.name = ${name} and i.visibility = 'public' order by i.created_at, i.id limit 1`;
}

export async function selectPublicHashes(tx: Transaction, most: number): Promise<string[]> {
  const rows = await tx.rows<{ sha512: string }>`select sha512 from image.image where visibility = 'public' and status = 'active' and sha512 is not null order by created_at desc, id limit ${most}`;
  return rows.map(({ sha512 }) => sha512);
}

/** The image, if it is of the transaction's project; nobody else changes it meanwhile. */
export async function lockImage(tx: Transaction, id: string): Promise<Image | undefined> {
  // Row security holds `for update` to the rows that may be changed.
  const locked = await tx.one<{ id: string }>`select id from image.image where id = ${id} for update`;
  return locked && findImage(tx, id);
}

export async function insertImage(tx: Transaction, draft: ImageDraft, { id, now }: { id: string; now: Date }): Promise<void> {
  await tx.run`
    insert into image.image (id, project_id, name, status, visibility, container_format, disk_format, min_disk_gib, min_ram_mib, protected, hidden, tags, properties, created_at, updated_at)
    values (${id}, ${draft.projectId}, ${draft.name}, 'queued', ${draft.visibility}, ${draft.containerFormat}, ${draft.diskFormat},
      ${draft.minDiskGiB}, ${draft.minRamMiB}, ${draft.protected}, ${draft.hidden}, ${draft.tags}::text[], ${sql.json(draft.properties)}::jsonb, ${now}, ${now})`;
}

export function updateImage(tx: Transaction, id: string, draft: ImageDraft, now: Date): Promise<number> {
  return tx.run`
    update image.image set project_id = ${draft.projectId}, name = ${draft.name}, visibility = ${draft.visibility}, container_format = ${draft.containerFormat},
      disk_format = ${draft.diskFormat}, min_disk_gib = ${draft.minDiskGiB}, min_ram_mib = ${draft.minRamMiB}, protected = ${draft.protected}, hidden = ${draft.hidden},
      tags = ${draft.tags}::text[], properties = ${sql.json(draft.properties)}::jsonb, updated_at = ${now}
    where id = ${id}`;
}

export function setStatus(tx: Transaction, id: string, { from: before, to, now }: { from: ImageStatus; to: ImageStatus; now: Date }): Promise<number> {
  return tx.run`update image.image set status = ${to}, updated_at = ${now} where id = ${id} and status = ${before}`;
}

export function deleteImage(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from image.image where id = ${id}`;
}

/** The newest first. nova/compute/manager.py, _rotate_backups */
export async function selectBackups(tx: Transaction, serverId: string, backupType: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    select id from image.image
    where properties ->> 'instance_uuid' = ${serverId} and properties ->> 'image_type' = 'backup' and properties ->> 'backup_type' = ${backupType} and status = 'active'
    order by created_at desc, id desc`;
  return rows.map(({ id }) => id);
}

// Uploads

/** The statuses of an image whose bytes somebody has under way. */
const underWay = sql.raw(`status in ('saving', 'uploading', 'importing')`);

export function beginSaving(tx: Transaction, id: string, { upload, until, now, status = 'saving' }: { upload: string; until: Date; now: Date; status?: 'saving' | 'uploading' | 'importing' }): Promise<number> {
  return tx.run`
    update image.image set status = ${status}, upload = ${upload}, saving_until = ${until}, failure = null, updated_at = ${now}
    where id = ${id} and status = 'queued'`;
}

export function keepSaving(tx: Transaction, id: string, { upload, until }: { upload: string; until: Date }): Promise<number> {
  return tx.run`update image.image set saving_until = ${until} where id = ${id} and ${underWay} and upload = ${upload}`;
}

export type Stored = { md5: string; sha256: string; sha512: string; sizeBytes: number; virtualSizeBytes: number | null; format: 'raw' | 'qcow2' | 'opaque' };

/** The image has these bytes from now on; the blob's row must be there (`claimBlob`). */
export function finishSaving(tx: Transaction, id: string, { upload, bytes, stores, now }: { upload: string; bytes: Pick<Stored, 'md5' | 'sha256' | 'sha512' | 'sizeBytes'>; stores: readonly string[]; now: Date }): Promise<number> {
  return tx.run`
    update image.image set status = 'active', md5 = ${bytes.md5}, sha512 = ${bytes.sha512}, sha256 = ${bytes.sha256}, size_bytes = ${bytes.sizeBytes}, charged_bytes = ${bytes.sizeBytes},
      stores = ${stores}::text[], staged_bytes = null, upload = null, saving_until = null, failure = null, updated_at = ${now}
    where id = ${id} and ${underWay} and upload = ${upload}`;
}

/** It has all that it ever gets: its properties. */
export function activateWithoutBytes(tx: Transaction, id: string, now: Date): Promise<number> {
  return tx.run`update image.image set status = 'active', of_volumes = true, size_bytes = 0, updated_at = ${now} where id = ${id} and status = 'queued'`;
}

/** Notes what the project is charged for the bytes on their way. */
export function setCharged(tx: Transaction, id: string, { upload, bytes }: { upload: string; bytes: number }): Promise<number> {
  return tx.run`update image.image set charged_bytes = ${bytes} where id = ${id} and ${underWay} and upload = ${upload}`;
}

/** Keeps the collector away from bytes that are about to be stored. */
export function claimBlob(tx: Transaction, bytes: Stored, now: Date): Promise<number> {
  return tx.run`
    insert into image.blob (sha256, format, size_bytes, virtual_size_bytes, stored_at)
    values (${bytes.sha256}, ${bytes.format}, ${bytes.sizeBytes}, ${bytes.virtualSizeBytes}, ${now})
    on conflict (sha256) do update set stored_at = excluded.stored_at, dropped_at = null,
      -- The same bytes, looked at this time.
      format = case excluded.format when 'opaque' then blob.format else excluded.format end,
      virtual_size_bytes = coalesce(excluded.virtual_size_bytes, blob.virtual_size_bytes)`;
}

/** Back to where bytes can be brought again. */
export function giveUpSaving(tx: Transaction, id: string, { upload, reason, now }: { upload: string; reason: string; now: Date }): Promise<number> {
  return tx.run`
    update image.image set status = 'queued', upload = null, saving_until = null, staged_bytes = null, charged_bytes = 0, failure = ${reason}, updated_at = ${now}
    where id = ${id} and ${underWay} and upload = ${upload}`;
}

/** Until the commit nobody else of the project begins one. */
export async function lockUploads(tx: Transaction, projectId: string): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('image.uploads'), hashtext(${projectId}))`;
}

export async function countSaving(tx: Transaction, projectId: string): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from image.image where project_id = ${projectId} and ${underWay}`)!.count;
}

/** Of these projects together: bytes that they are charged for and of which nothing was told. */
export async function chargedAhead(tx: Transaction, projectIds: readonly string[]): Promise<number> {
  return (await tx.one<{ bytes: number }>`
    select coalesce(sum(greatest(charged_bytes - coalesce(size_bytes, 0), 0)), 0)::float8 as bytes from image.image where project_id = any(${[...projectIds]}::text[]) and ${underWay}`)!.bytes;
}

export function findAbandoned(tx: Transaction, now: Date): Promise<{ id: string; upload: string }[]> {
  return tx.rows`select id, upload from image.image where status in ('saving', 'uploading') and saving_until < ${now} for update skip locked`;
}

// Imports

/** All bytes are in the incoming folder, and wait. */
export function finishStaging(tx: Transaction, id: string, { upload, bytes, until, now }: { upload: string; bytes: number; until: Date; now: Date }): Promise<number> {
  return tx.run`update image.image set staged_bytes = ${bytes}, saving_until = ${until}, updated_at = ${now} where id = ${id} and status = 'uploading' and upload = ${upload}`;
}

export async function countStaged(tx: Transaction, projectId: string): Promise<number> {
  return (await tx.one<{ bytes: number }>`select coalesce(sum(staged_bytes), 0)::bigint as bytes from image.image where project_id = ${projectId} and staged_bytes is not null`)!.bytes;
}

/** From waiting, or from nothing, to what a workflow does; copies of an active image leave its status alone. */
export function beginImport(tx: Transaction, id: string, { task, stores, now }: { task: string; stores: readonly string[]; now: Date }): Promise<number> {
  return tx.run`
    update image.image set import_task = ${task}, importing_stores = ${stores}::text[], updated_at = ${now},
      failed_stores = array(select unnest(coalesce(failed_stores, '{}')) except select unnest(${stores}::text[]))
    where id = ${id} and import_task is null`;
}

export function setImporting(tx: Transaction, id: string, { upload, until }: { upload: string; until: Date }): Promise<number> {
  return tx.run`update image.image set status = 'importing', upload = ${upload}, saving_until = ${until}, failure = null where id = ${id} and status in ('queued', 'uploading')`;
}

/** All stores that were named have it: that is seen as the end of an import is. */
export function noteNothingToBring(tx: Transaction, id: string): Promise<number> {
  return tx.run`update image.image set importing_stores = '{}', failed_stores = '{}' where id = ${id} and import_task is null`;
}

/** What was brought here, and what could not be. */
export function noteStores(tx: Transaction, id: string, { task, done = [], failed = [] }: { task: string; done?: readonly string[]; failed?: readonly string[] }): Promise<number> {
  return tx.run`
    update image.image set
      importing_stores = array(select unnest(importing_stores) except select unnest(${[...done, ...failed]}::text[]) order by 1),
      failed_stores = array(select unnest(coalesce(failed_stores, '{}')) union select unnest(${failed}::text[]) order by 1)
    where id = ${id} and import_task = ${task}`;
}

export function addStores(tx: Transaction, id: string, stores: readonly string[]): Promise<number> {
  return tx.run`update image.image set stores = stores || array(select unnest(${stores}::text[]) except select unnest(stores)) where id = ${id} and sha256 is not null`;
}

export function removeStore(tx: Transaction, id: string, store: string, now: Date): Promise<number> {
  return tx.run`update image.image set stores = array_remove(stores, ${store}), updated_at = ${now} where id = ${id}`;
}

/** What an operator sets on whatever is imported. glance/async_/flows/plugins/inject_image_metadata.py */
export async function setImportProperties(tx: Transaction, id: string, properties: Record<string, string>): Promise<void> {
  if (Object.keys(properties).length > 0) await tx.run`update image.image set properties = properties || ${sql.json(properties)}::jsonb where id = ${id}`;
}

/** Of what it was converted to. */
export function setFormats(tx: Transaction, id: string, { containerFormat, diskFormat }: { containerFormat: string; diskFormat: string }): Promise<number> {
  return tx.run`update image.image set container_format = ${containerFormat}, disk_format = ${diskFormat} where id = ${id}`;
}

export function endImport(tx: Transaction, id: string, task: string): Promise<number> {
  return tx.run`update image.image set import_task = null where id = ${id} and import_task = ${task}`;
}

// Lists

export type Sorting = { key: SortKey; direction: 'asc' | 'desc' };
export type SortKey = keyof typeof sortExpressions;

/** What cannot be compared because it is null comes before everything. */
const sortExpressions = {
  name: sql.raw(`coalesce(i.name, '')`),
  status: sql.raw('i.status'),
  container_format: sql.raw(`coalesce(i.container_format, '')`),
  disk_format: sql.raw(`coalesce(i.disk_format, '')`),
  size: sql.raw('coalesce(i.size_bytes, -1)'),
  id: sql.raw('i.id'),
  created_at: sql.raw('i.created_at'),
  updated_at: sql.raw('i.updated_at'),
} as const;

export const sortKeys = Object.keys(sortExpressions) as SortKey[];

export function listImages(tx: Transaction, { conditions, sorting, marker, limit }: { conditions: readonly Sql[]; sorting: readonly Sorting[]; marker: string | undefined; limit: number }): Promise<Image[]> {
  const order = sql.join(sorting.map(({ key, direction }) => sql`${sortExpressions[key]} ${sql.raw(direction)}`));
  const beyond = marker === undefined ? sql.raw('true') : after(sorting, marker);
  return tx.rows<Image>`select ${columns} from ${from} where ${sql.and(conditions)} and ${beyond} order by ${order} limit ${limit}`;
}

/** The rows that come behind the marker's, key by key. */
function after(sorting: readonly Sorting[], marker: string): Sql {
  const ofMarker = (key: SortKey) => sql`(select ${sortExpressions[key]} from image.image i where i.id = ${marker})`;
  return sql.or(
    sorting.map(({ key, direction }, index) =>
      sql.and([
        ...sorting.slice(0, index).map((before) => sql`${sortExpressions[before.key]} = ${ofMarker(before.key)}`),
        sql`${sortExpressions[key]} ${sql.raw(direction === 'asc' ? '>' : '<')} ${ofMarker(key)}`,
      ]),
    ),
  );
}
