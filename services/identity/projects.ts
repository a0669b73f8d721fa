/** Projects and their hierarchy. keystone/resource/core.py */
import { ConstraintViolation, sql, type Sql } from '../../kit/postgres/database.ts';
import { demand, demandList, type Context } from './access.ts';
import type { Directory } from './directory.ts';
import { findDomain, listDomains, type Domain } from './domains.store.ts';
import { enforcementModelOf } from './limits.ts';
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
const deepestOfAll = 5;
const mostRelatives = 10_000;

export async function listProjects(context: Context, query: ProjectQuery): Promise<AnyProject[]> {
  const only = demandList(context, 'identity:list_projects', (domainId) => ({ domain_id: domainId }));
  // What acts as a domain belongs to none, so a token of a domain does not see it here.
  if (query.is_domain === true) return only === undefined ? (await listDomainProjects(context, query)) : [];
  return selectProjects(context.tx, [...projectConditions(query), ...(only === undefined ? [] : [sql`domain_id = ${only}`])], rowsFor(query));
}

/** keystone keeps domains as projects: their ids are found here too. */
export type AnyProject = Project | (Domain & { isDomain: true });

async function listDomainProjects({ tx }: Context, query: ProjectQuery): Promise<AnyProject[]> {
  if ([query.domain_id, query.parent_id, query.tags, query['tags-any']].some((each) => each !== undefined)) return [];
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  return (await listDomains(tx, conditions, rowsFor(query))).map((domain) => ({ ...domain, isDomain: true as const }));
}

export function projectConditions(query: ProjectQuery): Sql[] {
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  const list = (text: string) => text.split(',');
  if (query.domain_id !== undefined) conditions.push(sql`domain_id = ${query.domain_id}`);
  if (query.parent_id !== undefined) conditions.push(sql`coalesce(parent_id, domain_id) = ${query.parent_id}`);
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  // What acts as a domain is shown apart.
  if (query.is_domain === true) conditions.push(sql`false`);
  if (query.tags !== undefined) conditions.push(sql`tags @> ${list(query.tags)}::text[]`);
  if (query['tags-any'] !== undefined) conditions.push(sql`tags && ${list(query['tags-any'])}::text[]`);
  if (query['not-tags'] !== undefined) conditions.push(sql`not tags @> ${list(query['not-tags'])}::text[]`);
  if (query['not-tags-any'] !== undefined) conditions.push(sql`not tags && ${list(query['not-tags-any'])}::text[]`);
  return conditions;
}

export async function getProject(context: Context, id: string, rule = 'identity:get_project'): Promise<Project> {
  return demandProject(context, await findProject(context.tx, id), id, rule);
}

/** A project, or the domain of this id as one. */
export async function getAnyProject(context: Context, id: string, rule = 'identity:get_project'): Promise<AnyProject> {
  const project = await findProject(context.tx, id);
  const domain = project ? undefined : await findDomain(context.tx, id);
  if (!domain) return demandProject(context, project, id, rule);
  demand(context, rule, { project: { id, domain_id: null } });
  return { ...domain, isDomain: true };
}

/** Asks the rule before it says that there is none. */
function demandProject(context: Context, project: Project | undefined, id: string, rule: string): Project {
  demand(context, rule, { project: project ? { id, domain_id: project.domainId } : { id } });
  if (!project) throw couldNotFind('project', id);
  return project;
}

/** Those of them that the caller may see, or has a role in: keystone filters them by the latter. */
export async function getRelatives({ tx, caller, policy }: Pick<Context, 'tx' | 'caller' | 'policy'>, of: AnyProject, which: 'ancestors' | 'descendants', own: (tx: Context['tx']) => Promise<Set<string>>): Promise<Project[]> {
  const relatives = await (which === 'ancestors' ? listAncestors(tx, of.id) : 'isDomain' in of ? selectProjects(tx, [sql`domain_id = ${of.id}`], mostRelatives) : listDescendants(tx, of.id));
  const visible = await own(tx);
  return relatives.filter(({ id, domainId }) => visible.has(id) || policy.allows('identity:get_project', caller, { project: { id, domain_id: domainId } }));
}

export async function createProject(context: Context, project: Project): Promise<Project> {
  const { tx } = context;
  demand(context, 'identity:create_project', { project: { domain_id: project.domainId } });
  if (!(await findDomain(tx, project.domainId))) throw couldNotFind('domain', project.domainId);
  if (project.parentId !== null) await demandParent(tx, project);
  await insertProject(tx, project, (error) => nameTaken(error, project));
  return project;
}

export async function updateProject(context: Context, directory: Directory, id: string, change: Partial<Project>, rule = 'identity:update_project'): Promise<Project> {
  const { tx, now } = context;
  const before = demandProject(context, await lockProject(tx, id), id, rule);
  if (before.options.immutable === true && change.options?.immutable !== false) throw immutable('update', 'project', id);
  if (change.domainId !== undefined && change.domainId !== before.domainId) throw invalid('Cannot change Domain ID');
  if (change.parentId !== undefined && change.parentId !== before.parentId) throw notAllowed('Update of `parent_id` is not allowed.');
  const after: Project = { ...before, ...change, id, options: { ...before.options, ...change.options }, extra: { ...before.extra, ...change.extra } };
  if (!before.enabled && after.enabled && (await listAncestors(tx, id)).some(({ enabled }) => !enabled)) throw notAllowed(`Cannot enable project ${id} since it has disabled parents`);
  if (before.enabled && !after.enabled && (await listDescendants(tx, id)).some(({ enabled }) => enabled))
    throw notAllowed(`Cannot disable project ${id} since its subtree contains enabled projects.`);
  await storeProject(tx, after, (error) => nameTaken(error, after));
  if (before.enabled && !after.enabled) await directory.revoke(tx, [`project:${id}`], now);
  return after;
}

export async function deleteProject(context: Context, directory: Directory, id: string): Promise<void> {
  const { tx, now } = context;
  const [found, below] = await Promise.all([lockProject(tx, id), listDescendants(tx, id)]);
  const project = demandProject(context, found, id, 'identity:delete_project');
  if (project.options.immutable === true) throw immutable('delete', 'project', id);
  if (below.length > 0)
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
  const deepest = (await enforcementModelOf(tx)) === 'strict_two_level' ? 2 : deepestOfAll;
  if (line.length + 2 > deepest) throw notAllowed(`Max hierarchy depth reached for ${parent.id} branch.`);
}

function nameTaken(error: unknown, { id, name }: Project): unknown {
  if (!(error instanceof ConstraintViolation) || error.kind !== 'unique') return error;
  return alreadyThere('project', `it is not permitted to have two projects with either the same name or same id in the same domain: name is ${name}, project id ${id}`);
}
