/** What everybody may have of a resource, and what single projects and domains may. keystone/limit/core.py */
import { forbidden, notFound } from '../../kit/fault.ts';
import { ConstraintViolation, sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { findRegion, findService } from './catalog.store.ts';
import { firstOptions } from './domain-options.store.ts';
import { defaultDomainId } from './domains.ts';
import { findDomain } from './domains.store.ts';
import {
  deleteLimit as removeLimit,
  deleteRegisteredLimit as removeRegisteredLimit,
  findLimit,
  findLimitsAround,
  findRegisteredLimit,
  insertLimit,
  insertRegisteredLimit,
  isRegisteredLimitUsed,
  listLimits as selectLimits,
  listLimitsOfProjects,
  listRegisteredLimits as selectRegisteredLimits,
  lockRegisteredLimit,
  lockRegisteredLimitOf,
  updateLimit as storeLimit,
  updateRegisteredLimit as storeRegisteredLimit,
  type Limit,
  type RegisteredLimit,
} from './limits.store.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { findProject } from './projects.store.ts';
import { alreadyThere, missingIn, notAllowed } from './refusals.ts';

export type { Limit, RegisteredLimit } from './limits.store.ts';

export const enforcementModels = {
  flat: 'Limit enforcement and validation does not take project hierarchy into consideration.',
  strict_two_level: 'This model requires project hierarchy never exceeds a depth of two',
} as const;
export type EnforcementModel = keyof typeof enforcementModels;

export const limitGroup = 'unified_limit';

/** Configured for the default domain, and so for the cloud. */
export async function enforcementModelOf(tx: Transaction): Promise<EnforcementModel> {
  return ((await firstOptions(tx, [defaultDomainId], limitGroup))['enforcement_model'] as EnforcementModel | undefined) ?? 'flat';
}

export async function showModel(context: Context): Promise<{ name: string; description: string }> {
  demand(context, 'identity:get_limit_model');
  const name = await enforcementModelOf(context.tx);
  return { name, description: enforcementModels[name] };
}

type Filters = { service_id?: string; region_id?: string; resource_name?: string };

export function listRegisteredLimits(context: Context, query: PageQuery & Filters): Promise<RegisteredLimit[]> {
  demand(context, 'identity:list_registered_limits');
  const conditions = pageConditions(query);
  if (query.service_id !== undefined) conditions.push(sql`service_id = ${query.service_id}`);
  if (query.region_id !== undefined) conditions.push(sql`region_id = ${query.region_id}`);
  if (query.resource_name !== undefined) conditions.push(sql`resource_name = ${query.resource_name}`);
  return selectRegisteredLimits(context.tx, conditions, rowsFor(query));
}

export async function getRegisteredLimit(context: Context, id: string): Promise<RegisteredLimit> {
  demand(context, 'identity:get_registered_limit');
  const limit = await findRegisteredLimit(context.tx, id);
  if (!limit) throw registeredLimitNotFound(id);
  return limit;
}

/** All of them, or none. */
export async function createRegisteredLimits(context: Context, wanted: readonly RegisteredLimit[]): Promise<readonly RegisteredLimit[]> {
  demand(context, 'identity:create_registered_limits');
  for (const limit of wanted) await storeOrRefuse(context.tx, limit, insertRegisteredLimit);
  return wanted;
}

export async function updateRegisteredLimit(context: Context, id: string, change: Partial<RegisteredLimit>): Promise<RegisteredLimit> {
  const { tx } = context;
  demand(context, 'identity:update_registered_limit');
  const before = await lockRegisteredLimit(tx, id);
  if (!before) throw registeredLimitNotFound(id);
  if (await isRegisteredLimitUsed(tx, id)) throw registeredLimitIsUsed(id);
  const after = { ...before, ...change, id };
  await storeOrRefuse(tx, after, storeRegisteredLimit);
  return after;
}

export async function deleteRegisteredLimit(context: Context, id: string): Promise<void> {
  const { tx } = context;
  demand(context, 'identity:delete_registered_limit');
  if (!(await lockRegisteredLimit(tx, id))) throw registeredLimitNotFound(id);
  if (await isRegisteredLimitUsed(tx, id)) throw registeredLimitIsUsed(id);
  await removeRegisteredLimit(tx, id);
}

async function storeOrRefuse(tx: Transaction, limit: RegisteredLimit, store: (tx: Transaction, limit: RegisteredLimit) => Promise<void>): Promise<void> {
  if (!(await findService(tx, limit.serviceId))) throw missingIn('service_id', 'registered_limit');
  if (limit.regionId !== null && !(await findRegion(tx, limit.regionId))) throw missingIn('region_id', 'registered_limit');
  await store(tx, limit).catch((error: unknown) => {
    throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('registered_limit', 'Duplicate entry') : error;
  });
}

/** Administrators and services see all, domains theirs, and everybody their project's. */
export function listLimits(context: Context, query: PageQuery & Filters & { project_id?: string; domain_id?: string }): Promise<Limit[]> {
  const { caller, tx } = context;
  demand(context, 'identity:list_limits');
  const conditions: Sql[] = [...pageConditions(query)];
  if (query.service_id !== undefined) conditions.push(sql`"serviceId" = ${query.service_id}`);
  if (query.region_id !== undefined) conditions.push(sql`"regionId" = ${query.region_id}`);
  if (query.resource_name !== undefined) conditions.push(sql`"resourceName" = ${query.resource_name}`);
  if (query.project_id !== undefined) conditions.push(sql`"projectId" = ${query.project_id}`);
  if (query.domain_id !== undefined) conditions.push(sql`"domainId" = ${query.domain_id}`);
  if (!(caller.system || caller.roles.has('admin') || caller.roles.has('service')))
    conditions.push(
      caller.domainId !== null
        ? sql`("domainId" = ${caller.domainId} or "projectId" in (select id from identity.project where domain_id = ${caller.domainId}))`
        : sql`"projectId" = ${caller.projectId ?? ''}`,
    );
  return selectLimits(tx, conditions, rowsFor(query));
}

export async function getLimit(context: Context, id: string): Promise<Limit> {
  const limit = await findLimit(context.tx, id);
  const project = limit?.projectId == null ? undefined : await findProject(context.tx, limit.projectId);
  demand(context, 'identity:get_limit', limit ? { limit: { project_id: limit.projectId, ...(project ? { project: { domain_id: project.domainId } } : { domain: { id: limit.domainId } }) } } : {});
  if (!limit) throw limitNotFound(id);
  return limit;
}

/** By project, of projects that the caller was found to see. */
export function limitsOfProjects({ tx }: Pick<Context, 'tx'>, projectIds: readonly string[]): Promise<Map<string, Limit[]>> {
  return listLimitsOfProjects(tx, projectIds);
}

export type WantedLimit = Pick<Limit, 'id' | 'serviceId' | 'regionId' | 'resourceName' | 'resourceLimit' | 'description' | 'projectId' | 'domainId'>;

/** All of them, or none. Those of domains first, as those of projects are measured by them. */
export async function createLimits(context: Context, wanted: readonly WantedLimit[]): Promise<Limit[]> {
  const { tx } = context;
  demand(context, 'identity:create_limits');
  const placed = [];
  for (const each of wanted) placed.push(await placedLimit(tx, each));
  const made = new Map<string, Limit>();
  for (const each of placed.toSorted((one, other) => Number(one.domainId === null) - Number(other.domainId === null))) {
    const registered = await lockRegisteredLimitOf(tx, each);
    if (!registered) throw forbidden('Unable to create a limit that has no corresponding registered limit.', 'NoLimitReference');
    const limit = { ...each, registeredLimitId: registered.id };
    await demandFits(tx, limit, registered);
    await insertLimit(tx, limit).catch((error: unknown) => {
      throw error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('limit', 'Duplicate entry') : error;
    });
    made.set(limit.id, limit);
  }
  return placed.map(({ id }) => made.get(id)!);
}

export async function updateLimit(context: Context, id: string, change: Partial<Pick<Limit, 'resourceLimit' | 'description'>>): Promise<Limit> {
  const { tx } = context;
  demand(context, 'identity:update_limit');
  const before = await findLimit(tx, id);
  if (!before) throw limitNotFound(id);
  const registered = await lockRegisteredLimit(tx, before.registeredLimitId);
  const after = { ...before, ...change };
  if (registered) await demandFits(tx, after, registered);
  await storeLimit(tx, after);
  return after;
}

export async function deleteLimit(context: Context, id: string): Promise<void> {
  demand(context, 'identity:delete_limit');
  if (!(await removeLimit(context.tx, id))) throw limitNotFound(id);
}

/** Of one project or one domain that there is; the id of a domain may be given as a project's. */
async function placedLimit(tx: Transaction, limit: WantedLimit): Promise<WantedLimit> {
  if (!(await findService(tx, limit.serviceId))) throw missingIn('service_id', 'limit');
  if (limit.regionId !== null && !(await findRegion(tx, limit.regionId))) throw missingIn('region_id', 'limit');
  if ((limit.projectId === null) === (limit.domainId === null)) throw missingIn(limit.projectId === null ? 'project_id or domain_id' : 'either project_id or domain_id, not both,', 'limit');
  if (limit.projectId !== null) {
    if (await findProject(tx, limit.projectId)) return limit;
    if (await findDomain(tx, limit.projectId)) return { ...limit, projectId: null, domainId: limit.projectId };
    throw missingIn('project_id', 'limit');
  }
  if (!(await findDomain(tx, limit.domainId!))) throw missingIn('domain_id', 'limit');
  return limit;
}

/** keystone/limit/models/strict_two_level.py: no project has more than its domain. The registered limit is locked, so one at a time. */
async function demandFits(tx: Transaction, { projectId, domainId, resourceLimit, serviceId, regionId, resourceName }: Omit<Limit, 'id' | 'description'>, registered: RegisteredLimit): Promise<void> {
  if ((await enforcementModelOf(tx)) === 'flat') return;
  const home = domainId ?? (await findProject(tx, projectId!))!.domainId;
  const { ofDomain, largestOfProjects } = await findLimitsAround(tx, registered.id, home);
  const fits = projectId !== null ? isWithin(resourceLimit, ofDomain ?? registered.defaultLimit) : largestOfProjects === null || isWithin(largestOfProjects, resourceLimit);
  if (fits) return;
  const what = `(${projectId !== null ? `project_id: ${projectId}` : `domain_id: ${domainId}`}, resource_name: ${resourceName}, resource_limit: ${resourceLimit}, service_id: ${serviceId}, region_id: ${regionId ?? 'None'})`;
  throw forbidden(`Invalid resource limit: The resource limit ${what} doesn't satisfy current hierarchy model..`, 'InvalidLimit');
}

function isWithin(limit: number, most: number): boolean {
  return most === -1 || (limit !== -1 && limit <= most);
}

const registeredLimitNotFound = (id: string) => notFound(`Could not find registered limit for ${id}.`, 'RegisteredLimitNotFound');
const limitNotFound = (id: string) => notFound(`Could not find limit for ${id}.`, 'LimitNotFound');
const registeredLimitIsUsed = (id: string) => notAllowed(`Unable to update or delete registered limit ${id} because there are project limits associated with it.`);
