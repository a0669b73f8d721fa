/** The SQL of backups. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

/** What a restored volume gets back besides its bytes. */
export type VolumeFacts = { name: string | null; description: string | null; bootable: boolean; imageMetadata: Record<string, string> | null; metadata: Record<string, string>; /** Of one that was encrypted: only onto volumes of this type does it come again. */ typeId?: string | null };

export type Backup = {
  id: string;
  projectId: string;
  userId: string;
  volumeId: string;
  snapshotId: string | null;
  parentId: string | null;
  name: string | null;
  description: string | null;
  status: string;
  sizeGiB: number;
  objectCount: number;
  container: string | null;
  availabilityZone: string | null;
  failure: string | null;
  metadata: Record<string, string>;
  volumeFacts: VolumeFacts;
  pack: string | null;
  packs: string[];
  restoringTo: string | null;
  /** Its own, with the same secret as what it was made of. */
  keyId: string | null;
  dataAt: Date;
  generation: number;
  createdAt: Date;
  updatedAt: Date;
  hasChildren: boolean;
};

const columns = sql.raw(`b.id, b.project_id as "projectId", b.user_id as "userId", b.volume_id as "volumeId", b.snapshot_id as "snapshotId", b.parent_id as "parentId", b.name, b.description,
  b.status, b.size_gib as "sizeGiB", b.object_count as "objectCount", b.container, b.availability_zone as "availabilityZone", b.failure, b.metadata, b.volume_facts as "volumeFacts",
  b.pack, b.packs, b.restoring_to as "restoringTo", b.key_id as "keyId", b.data_at as "dataAt", b.generation, b.created_at as "createdAt", b.updated_at as "updatedAt",
  exists (select from volume.backup c where c.parent_id = b.id) as "hasChildren"`);

export function findBackup(tx: Transaction, id: string): Promise<Backup | undefined> {
  return tx.one<Backup>`select ${columns} from volume.backup b where b.id = ${id}`;
}

/** The backup; nobody else changes it meanwhile, nor begins one that builds on it. */
export async function lockBackup(tx: Transaction, id: string): Promise<Backup | undefined> {
  const locked = await tx.one`select id from volume.backup where id = ${id} for update`;
  return locked && findBackup(tx, id);
}

export type BackupDraft = Omit<Backup, 'failure' | 'restoringTo' | 'hasChildren' | 'updatedAt'>;

/** How many were made: none when there is one with this id, whosever it is. */
export function insertBackup(tx: Transaction, draft: BackupDraft): Promise<number> {
  return tx.run`
    insert into volume.backup (id, project_id, user_id, volume_id, snapshot_id, parent_id, name, description, status, size_gib, object_count, container, availability_zone, metadata, volume_facts, pack, packs, key_id, data_at, generation, created_at, updated_at)
    values (${draft.id}, ${draft.projectId}, ${draft.userId}, ${draft.volumeId}, ${draft.snapshotId}, ${draft.parentId}, ${draft.name}, ${draft.description}, ${draft.status}, ${draft.sizeGiB}, ${draft.objectCount},
      ${draft.container}, ${draft.availabilityZone}, ${sql.json(draft.metadata)}::jsonb, ${sql.json(draft.volumeFacts)}::jsonb, ${draft.pack}, ${draft.packs}::text[], ${draft.keyId}, ${draft.dataAt}, ${draft.generation}, ${draft.createdAt}, ${draft.createdAt})
    on conflict (id) do nothing`;
}

export type BackupChange = Partial<Pick<Backup, 'name' | 'description' | 'status' | 'metadata' | 'failure' | 'objectCount' | 'pack' | 'packs' | 'restoringTo' | 'generation'>>;

const changeable: Record<keyof BackupChange, (value: never) => Sql> = {
  name: (value) => sql`name = ${value}`,
  description: (value) => sql`description = ${value}`,
  status: (value) => sql`status = ${value}`,
  metadata: (value) => sql`metadata = ${sql.json(value)}::jsonb`,
  failure: (value) => sql`failure = ${value}`,
  objectCount: (value) => sql`object_count = ${value}`,
  pack: (value) => sql`pack = ${value}`,
  packs: (value) => sql`packs = ${value}::text[]`,
  restoringTo: (value) => sql`restoring_to = ${value}`,
  generation: (value) => sql`generation = ${value}`,
};

export function updateBackup(tx: Transaction, id: string, change: BackupChange, now: Date): Promise<number> {
  const sets = Object.entries(change).map(([name, value]) => changeable[name as keyof BackupChange](value as never));
  return tx.run`update volume.backup set ${sql.join([...sets, sql`updated_at = ${now}`])} where id = ${id}`;
}

export function deleteBackupRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.backup where id = ${id}`;
}

/** The project's own backups of a volume whose bytes are complete, the newest bytes first. */
export function backupsOf(tx: Transaction, { volumeId, projectId }: { volumeId: string; projectId: string }): Promise<Backup[]> {
  return tx.rows<Backup>`select ${columns} from volume.backup b where b.volume_id = ${volumeId} and b.project_id = ${projectId} and b.status = 'available' order by b.data_at desc, b.id`;
}

export function listBackups(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Backup[]> {
  return tx.rows<Backup>`select ${columns} from volume.backup b where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export async function countBackups(tx: Transaction, conditions: readonly Sql[]): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from volume.backup b where ${sql.and(conditions)}`)!.count;
}

/** Backups in a state that somebody has to end. */
export function listBackupsInTransit(tx: Transaction): Promise<{ id: string; status: string; generation: number; updatedAt: Date; restoringTo: string | null }[]> {
  return tx.rows`select id, status, generation, updated_at as "updatedAt", restoring_to as "restoringTo" from volume.backup where status in ('creating', 'deleting', 'restoring')`;
}

/** Whether any backup needs this pack, whosever it is. */
export async function isPackNeeded(tx: Transaction, pack: string): Promise<boolean> {
  return (await tx.rows`select from volume.backup where packs @> array[${pack}]::text[] limit 1`).length > 0;
}

export function listPacks(tx: Transaction): Promise<{ id: string; status: string; packs: string[] }[]> {
  return tx.rows`select id, status, packs from volume.backup`;
}

export function countBackupUse(tx: Transaction): Promise<{ projectId: string; backups: number; gigabytes: number }[]> {
  return tx.rows`select project_id as "projectId", count(*)::int as backups, sum(size_gib)::int as gigabytes from volume.backup group by project_id`;
}
