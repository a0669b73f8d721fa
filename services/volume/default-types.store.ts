/** The SQL of projects' default types. */
import type { Transaction } from '../../kit/postgres/database.ts';

export type DefaultType = { projectId: string; typeId: string };

export function selectDefaultTypes(tx: Transaction): Promise<DefaultType[]> {
  return tx.rows<DefaultType>`select project_id as "projectId", type_id as "typeId" from volume.default_type order by project_id`;
}

export function findDefaultType(tx: Transaction, projectId: string): Promise<DefaultType | undefined> {
  return tx.one<DefaultType>`select project_id as "projectId", type_id as "typeId" from volume.default_type where project_id = ${projectId}`;
}

export function upsertDefaultType(tx: Transaction, { projectId, typeId }: DefaultType): Promise<number> {
  return tx.run`insert into volume.default_type (project_id, type_id) values (${projectId}, ${typeId}) on conflict (project_id) do update set type_id = excluded.type_id`;
}

export function deleteDefaultType(tx: Transaction, projectId: string): Promise<number> {
  return tx.run`delete from volume.default_type where project_id = ${projectId}`;
}

export async function isDefaultSomewhere(tx: Transaction, typeId: string): Promise<boolean> {
  return (await tx.rows`select from volume.default_type where type_id = ${typeId} limit 1`).length > 0;
}
