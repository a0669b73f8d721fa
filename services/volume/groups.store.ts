/** The SQL of groups of volumes. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Group = {
  id: string;
  projectId: string;
  userId: string;
  name: string | null;
  description: string | null;
  status: string;
  groupTypeId: string;
  typeIds: string[];
  availabilityZone: string;
  sourceGroupId: string | null;
  groupSnapshotId: string | null;
  failure: string | null;
  generation: number;
  createdAt: Date;
  updatedAt: Date;
  volumeIds: string[];
};

const columns = sql.raw(`g.id, g.project_id as "projectId", g.user_id as "userId", g.name, g.description, g.status, g.group_type_id as "groupTypeId", g.type_ids as "typeIds", g.availability_zone as "availabilityZone",
  g.source_group_id as "sourceGroupId", g.group_snapshot_id as "groupSnapshotId", g.failure, g.generation, g.created_at as "createdAt", g.updated_at as "updatedAt",
  array(select v.id from volume.volume v where v.group_id = g.id order by v.created_at, v.id) as "volumeIds"`);

export function findGroup(tx: Transaction, id: string): Promise<Group | undefined> {
  return tx.one<Group>`select ${columns} from volume.volume_group g where g.id = ${id}`;
}

/** The group; nobody else changes it meanwhile, nor makes volumes or snapshots of it. */
export async function lockGroup(tx: Transaction, id: string): Promise<Group | undefined> {
  const locked = await tx.one`select id from volume.volume_group where id = ${id} for update`;
  return locked && findGroup(tx, id);
}

export type GroupDraft = Omit<Group, 'failure' | 'generation' | 'volumeIds' | 'updatedAt' | 'status'>;

export function insertGroup(tx: Transaction, draft: GroupDraft): Promise<number> {
  return tx.run`
    insert into volume.volume_group (id, project_id, user_id, name, description, status, group_type_id, type_ids, availability_zone, source_group_id, group_snapshot_id, created_at, updated_at)
    values (${draft.id}, ${draft.projectId}, ${draft.userId}, ${draft.name}, ${draft.description}, 'creating', ${draft.groupTypeId}, ${draft.typeIds}::text[], ${draft.availabilityZone}, ${draft.sourceGroupId}, ${draft.groupSnapshotId},
      ${draft.createdAt}, ${draft.createdAt})`;
}

export function updateGroup(tx: Transaction, { id, name, description, status, failure, generation }: Group, now: Date): Promise<number> {
  return tx.run`update volume.volume_group set name = ${name}, description = ${description}, status = ${status}, failure = ${failure}, generation = ${generation}, updated_at = ${now} where id = ${id}`;
}

export function deleteGroupRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.volume_group where id = ${id}`;
}

export function selectGroups(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<Group[]> {
  return tx.rows<Group>`select ${columns} from volume.volume_group g where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

export async function isGroupTypeUsed(tx: Transaction, groupTypeId: string): Promise<boolean> {
  return (await tx.rows`select from volume.volume_group where group_type_id = ${groupTypeId} limit 1`).length > 0;
}

export async function isTypeOfGroup(tx: Transaction, typeId: string): Promise<boolean> {
  return (await tx.rows`select from volume.volume_group where type_ids @> array[${typeId}]::text[] limit 1`).length > 0;
}

/** Whether a group is being made from this one, or from this group snapshot. */
export async function isBeingCopied(tx: Transaction, { groupId, groupSnapshotId }: { groupId?: string; groupSnapshotId?: string }): Promise<boolean> {
  const source = groupId === undefined ? sql`group_snapshot_id = ${groupSnapshotId ?? ''}` : sql`source_group_id = ${groupId}`;
  return (await tx.rows`select from volume.volume_group where status = 'creating' and ${source} limit 1`).length > 0;
}

/** Groups in a state that somebody has to end. */
export function listGroupsInTransit(tx: Transaction): Promise<{ id: string; status: string; generation: number; updatedAt: Date }[]> {
  return tx.rows`select id, status, generation, updated_at as "updatedAt" from volume.volume_group where status in ('creating', 'deleting')`;
}

export function countGroups(tx: Transaction): Promise<{ projectId: string; groups: number }[]> {
  return tx.rows`select project_id as "projectId", count(*)::int as groups from volume.volume_group group by project_id`;
}
