/** Projects and their hierarchy. keystone/resource/core.py */
import type { Context } from '../../kit/http/implement.ts';
import { ConstraintViolation, sql, type Sql } from '../../kit/postgres/database.ts';
import { demandReading, domainToList, readsEverything } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import {
  deleteProject as removeProject,
  findProject,
  insertProject,
  listAncestors,
  listDescendants,
  listProjects as selectProjects,
  lockProject,
  updateProject as storeProject,
  type Project,
} from './projects.store.ts';
import { alreadyThere, couldNotFind, immutable, invalid, notAllowed } from './refusals.ts';

export type { Project } from './projects.store.ts';

export type ProjectQuery = PageQuery & {
  name?: string;
  domain_id?: string;
  parent_id?: string;
  enabled?: boolean;
  is_domain?: boolean;
  tags?: string;
  'tags-any'?: string;
  'not-tags'?: string;
  'not-tags-any'?: string;
};

// keystone.conf, max_project_tree_depth; a domain is one level.
const deepest = 5;

export function listProjects({ tx, caller }: Context, query: ProjectQuery): Promise<Project[]> {
  const only = domainToList(caller, 'identity:list_projects');
  return selectProjects(tx, [...projectConditions(query), ...(only === undefined ? [] : [sql`domain_id = ${only}`])], rowsFor(query));
}

export function projectConditions(query: ProjectQuery): Sql[] {
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  const list = (text: string) => text.split(',');
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  if (query.parent_id !== undefined) conditions.push(sql`coalesce(parent_id, domain_id) = ${query.parent_id}`);
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  // What acts as a domain is shown with the domains.
  if (query.is_domain === true) conditions.push(sql`false`);
  if (query.tags !== undefined) conditions.push(sql`tags @> ${list(query.tags)}::text[]`);
  if (query['tags-any'] !== undefined) conditions.push(sql`tags && ${list(query['tags-any'])}::text[]`);
  if (query['not-tags'] !== undefined) conditions.push(sql`not tags @> ${list(query['not-tags'])}::text[]`);
  if (query['not-tags-any'] !== undefined) conditions.push(sql`not tags && ${list(query['not-tags-any'])}::text[]`);
  return conditions;
}

export async function getProject({ tx, caller }: Context, id: string, rule = 'identity:get_project'): Promise<Project> {
  const project = await findProject(tx, id);
  demandReading(caller, rule, { projectId: id, domainId: project?.domainId ?? null });
  if (!project) throw couldNotFind('project', id);
  return project;
}

/** Those of them that the caller may see: keystone filters them by the caller's own projects. */
export async function getRelatives({ tx, caller }: Context, id: string, which: 'ancestors' | 'descendants', own: (tx: Context['tx']) => Promise<Set<string>>): Promise<Project[]> {
  const relatives = await (which === 'ancestors' ? listAncestors(tx, id) : listDescendants(tx, id));
  if (readsEverything(caller)) return relatives;
  const visible = await own(tx);
  return relatives.filter((relative) => visible.has(relative.id));
}

export async function createProject({ tx }: Context, project: Project): Promise<Project> {
  if (!(await findDomain(tx, project.domainId))) throw couldNotFind('domain', project.domainId);
  if (project.parentId !== null) await demandParent(tx, project);
  await insertProject(tx, project).catch((error: unknown) => {
    throw nameTaken(error, project);
  });
  return project;
}

export async function updateProject({ tx, now }: Context, directory: Directory, id: string, change: Partial<Project>): Promise<Project> {
  const before = await lockProject(tx, id);
  if (!before) throw couldNotFind('project', id);
  if (before.options.immutable === true && change.options?.immutable !== false) throw immutable('update', 'project', id);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  if (change.parentId !== undefined && change.parentId !== before.parentId) throw notAllowed('Update of `parent_id` is not allowed.');
  const after: Project = { ...before, ...change, id, options: { ...before.options, ...change.options }, extra: { ...before.extra, ...change.extra } };
  if (!before.enabled && after.enabled && (await listAncestors(tx, id)).some(({ enabled }) => !enabled)) throw notAllowed(`Cannot enable project ${id} since it has disabled parents`);
  if (before.enabled && !after.enabled && (await listDescendants(tx, id)).some(({ enabled }) => enabled))
    throw notAllowed(`Cannot disable project ${id} since its subtree contains enabled projects.`);
  await storeProject(tx, after).catch((error: unknown) => {
    throw nameTaken(error, after);
  });
  if (before.enabled && !after.enabled) await directory.revoke(tx, [`project:${id}`], now);
  return after;
}

export async function deleteProject({ tx, now }: Context, directory: Directory, id: string): Promise<void> {
  const project = await lockProject(tx, id);
  if (!project) throw couldNotFind('project', id);
  if (project.options.immutable === true) throw immutable('delete', 'project', id);
  if ((await listDescendants(tx, id)).length > 0)
    throw notAllowed(`Cannot delete the project ${id} since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.`);
  await removeProject(tx, id);
  await directory.revoke(tx, [`project:${id}`], now);
}

async function demandParent(tx: Context['tx'], { parentId, domainId }: Project): Promise<void> {
  // Locked, so that it is not disabled or deleted meanwhile.
  const parent = await lockProject(tx, parentId!);
  if (!parent) throw couldNotFind('project', parentId!);
  if (parent.domainId !== domainId)
    throw invalid(`Cannot create project, since it specifies its domain_id ${domainId}, but specifies a parent in a different domain (${parent.domainId}).`);
  const line = [parent, ...(await listAncestors(tx, parent.id))];
  const disabled = line.find(({ enabled }) => !enabled);
  if (disabled) throw invalid(`cannot create a project in a branch containing a disabled project: ${disabled.id}`);
  if (line.length + 2 > deepest) throw notAllowed(`Max hierarchy depth reached for ${parent.id} branch.`);
}

function nameTaken(error: unknown, { id, name }: Project): unknown {
  if (!(error instanceof ConstraintViolation) || error.kind !== 'unique') return error;
  return alreadyThere('project', `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}`);
}
