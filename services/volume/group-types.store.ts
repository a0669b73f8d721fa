/** The SQL of kinds of groups. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type GroupType = { id: string; name: string; description: string | null; public: boolean; specs: Record<string, string | null> };

const columns = sql.raw('g.id, g.name, g.description, g.public, g.specs');

export function selectGroupTypes(tx: Transaction, { conditions, order, limit, offset }: { conditions: readonly Sql[]; order: Sql; limit: number; offset: number }): Promise<GroupType[]> {
  return tx.rows<GroupType>`select ${columns} from volume.group_type g where ${sql.and(conditions)} order by ${order} limit ${limit} offset ${offset}`;
}

/** By id, or by name where that is said. */
export function findGroupType(tx: Transaction, wanted: string, { byName = false }: { byName?: boolean } = {}): Promise<GroupType | undefined> {
  return tx.one<GroupType>`select ${columns} from volume.group_type g where g.id = ${wanted} or (${byName} and g.name = ${wanted}) order by g.id = ${wanted} desc limit 1`;
}

/** None: the name is taken. */
export function insertGroupType(tx: Transaction, { id, name, description, public: isPublic, specs }: GroupType, now: Date): Promise<number> {
  return tx.run`insert into volume.group_type (id, name, description, public, specs, created_at) values (${id}, ${name}, ${description}, ${isPublic}, ${sql.json(specs)}::jsonb, ${now}) on conflict (name) do nothing`;
}

export function updateGroupType(tx: Transaction, { id, name, description, public: isPublic, specs }: GroupType): Promise<number> {
  return tx.run`update volume.group_type set name = ${name}, description = ${description}, public = ${isPublic}, specs = ${sql.json(specs)}::jsonb where id = ${id}`;
}

export async function isNameTaken(tx: Transaction, { id, name }: { id: string; name: string }): Promise<boolean> {
  return (await tx.rows`select from volume.group_type where name = ${name} and id <> ${id}`).length > 0;
}

export function deleteGroupTypeRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from volume.group_type where id = ${id}`;
}
