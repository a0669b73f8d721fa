/** The SQL of volume types. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type VolumeType = { id: string; name: string; description: string | null; public: boolean; extraSpecs: Record<string, string>; qosId: string | null; encryption: Encryption | null };

export type Encryption = { id: string; provider: string; controlLocation: 'front-end' | 'back-end'; cipher: string | null; keySize: number | null; createdAt: string; updatedAt: string | null };

const columns = sql.raw('id, name, description, public, extra_specs as "extraSpecs", qos_id as "qosId", encryption');

/** Whom private types are to be shown: undefined is everyone's. */
export type Viewer = { projectId: string } | undefined;

export function selectTypes(tx: Transaction, viewer: Viewer, { publicOnly }: { publicOnly: boolean | undefined }): Promise<VolumeType[]> {
  return tx.rows<VolumeType>`select ${columns} from volume.type where ${visible(viewer)} and ${publicOnly === undefined ? sql`true` : sql`public = ${publicOnly}`} order by created_at desc, id`;
}

export function findType(tx: Transaction, viewer: Viewer, id: string): Promise<VolumeType | undefined> {
  return tx.one<VolumeType>`select ${columns} from volume.type where id = ${id} and ${visible(viewer)}`;
}

export async function findTypeByNameOrId(tx: Transaction, viewer: Viewer, wanted: string): Promise<VolumeType | undefined> {
  return tx.one<VolumeType>`select ${columns} from volume.type where (id = ${wanted} or name = ${wanted}) and ${visible(viewer)} order by id = ${wanted} desc limit 1`;
}

/** Undefined: the name is taken. */
export function insertType(tx: Transaction, { id, name, description, public: isPublic, extraSpecs }: Omit<VolumeType, 'qosId' | 'encryption'>, now: Date): Promise<VolumeType | undefined> {
  return tx.one<VolumeType>`
    insert into volume.type (id, name, description, public, extra_specs, created_at) values (${id}, ${name}, ${description}, ${isPublic}, ${sql.json(extraSpecs)}::jsonb, ${now}) on conflict (name) do nothing returning ${columns}`;
}

export function updateTypeRow(tx: Transaction, { id, name, description, public: isPublic, extraSpecs, encryption }: VolumeType): Promise<number> {
  return tx.run`update volume.type set name = ${name}, description = ${description}, public = ${isPublic}, extra_specs = ${sql.json(extraSpecs)}::jsonb, encryption = ${encryption === null ? null : sql.json(encryption)}::jsonb where id = ${id}`;
}

export function deleteTypeRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.type where id = ${id}`;
}

export async function projectsOfType(tx: Transaction, id: string): Promise<string[]> {
  return (await tx.rows<{ projectId: string }>`select project_id as "projectId" from volume.type_access where type_id = ${id} order by project_id`).map(({ projectId }) => projectId);
}

export function insertAccess(tx: Transaction, id: string, projectId: string): Promise<number> {
  return tx.run`insert into volume.type_access (type_id, project_id) values (${id}, ${projectId}) on conflict do nothing`;
}

export function deleteAccess(tx: Transaction, id: string, projectId: string): Promise<number> {
  return tx.run`delete from volume.type_access where type_id = ${id} and project_id = ${projectId}`;
}

function visible(viewer: Viewer): Sql {
  return viewer === undefined ? sql`true` : sql`(public or exists (select from volume.type_access where type_id = id and project_id = ${viewer.projectId}))`;
}
