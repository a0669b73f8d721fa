/** The only file that names the table of projects. */
import { sql, type Explain, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Options } from './domains.store.ts';

export type Project = {
  id: string;
  domainId: string;
  /** Null: directly below its domain. */
  parentId: string | null;
  name: string;
  description: string | null;
  enabled: boolean;
  tags: string[];
  options: Options;
  extra: Record<string, unknown>;
};

const columns = sql`id, domain_id as "domainId", parent_id as "parentId", name, description, enabled, tags, options, extra`;

export function findProject(tx: Transaction, id: string): Promise<Project | undefined> {
  return tx.one<Project>`select ${columns} from identity.project where id = ${id}`;
}

export function lockProject(tx: Transaction, id: string): Promise<Project | undefined> {
  return tx.one<Project>`select ${columns} from identity.project where id = ${id} for update`;
}

export function findProjectByName(tx: Transaction, domainId: string, name: string): Promise<Project | undefined> {
  return tx.one<Project>`select ${columns} from identity.project where domain_id = ${domainId} and name = ${name}`;
}

export function listProjects(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Project[]> {
  return tx.rows<Project>`select ${columns} from identity.project where ${sql.and(conditions)} order by id limit ${most}`;
}

/** The nearest first. */
export function listAncestors(tx: Transaction, id: string): Promise<Project[]> {
  return tx.rows<Project>`
    with recursive line as (
      select p.*, 0 as distance from identity.project p where id = ${id}
      union all
      select p.*, line.distance + 1 from identity.project p join line on p.id = line.parent_id
    )
    select ${columns} from line where distance > 0 order by distance`;
}

export function listDescendants(tx: Transaction, id: string): Promise<Project[]> {
  return tx.rows<Project>`
    with recursive tree as (
      select * from identity.project where parent_id = ${id}
      union all
      select p.* from identity.project p join tree on p.parent_id = tree.id
    )
    select ${columns} from tree order by id`;
}

/** Of what is inherited from a domain or a project: all that it reaches. */
export async function listProjectIdsBelow(tx: Transaction, place: { kind: 'project' | 'domain'; id: string }): Promise<string[]> {
  if (place.kind === 'project') return (await listDescendants(tx, place.id)).map(({ id }) => id);
  const rows = await tx.rows<{ id: string }>`select id from identity.project where domain_id = ${place.id} order by id`;
  return rows.map(({ id }) => id);
}

export async function insertProject(tx: Transaction, project: Project, explain?: Explain): Promise<void> {
  tx.queue(sql`
    insert into identity.project (id, domain_id, parent_id, name, description, enabled, tags, options, extra)
    values (${project.id}, ${project.domainId}, ${project.parentId}, ${project.name}, ${project.description}, ${project.enabled},
      ${project.tags}, ${sql.json(project.options)}, ${sql.json(project.extra)})`, explain);
}

export async function updateProject(tx: Transaction, project: Project, explain?: Explain): Promise<void> {
  tx.queue(sql`
    update identity.project
    set name = ${project.name}, description = ${project.description}, enabled = ${project.enabled}, tags = ${project.tags},
      options = ${sql.json(project.options)}, extra = ${sql.json(project.extra)}
    where id = ${project.id}`, explain);
}

export async function deleteProject(tx: Transaction, id: string): Promise<void> {
  tx.queue(sql`delete from identity.project where id = ${id}`);
}

/** Before a whole domain goes: no project of it keeps another one from being deleted. */
export async function clearProjectParents(tx: Transaction, domainId: string): Promise<void> {
  await tx.run`update identity.project set parent_id = null where domain_id = ${domainId} and parent_id is not null`;
}

export async function listEnabledBelowDisabled(tx: Transaction): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    select p.id from identity.project p join identity.project parent on parent.id = p.parent_id where p.enabled and not parent.enabled order by 1 limit 100`;
  return rows.map(({ id }) => id);
}

/** All projects of its domain, itself included. */
export async function listProjectIdsAround(tx: Transaction, projectId: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`select id from identity.project where domain_id = (select domain_id from identity.project where id = ${projectId})`;
  return rows.map(({ id }) => id);
}

/** In the order of their ids. */
export async function listProjectIdsOf(tx: Transaction, domainIds: readonly string[]): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select id from identity.project where domain_id = any(${[...domainIds]}::text[]) order by id`).map(({ id }) => id);
}
