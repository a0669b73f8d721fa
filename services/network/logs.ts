/** What is written down of packets that security groups let pass or drop: neutron/services/logapi/. */
import { badRequest, notFound } from '../../kit/fault.ts';
import type { Context } from '../../kit/http/implement.ts';
import { sql } from '../../kit/postgres/database.ts';
import { isElsewhere } from './agents.ts';
import { mark, tell, type Change } from './changes.ts';
import { byBoolean, byText, byTextOrNothing, standardFilters, standardSorts, type Listing } from './listing.ts';
import { deleteLogsOn, groupsLogged, isGuarded, isPortLogged, type LogEvent } from './logs.store.ts';
import { deleteRow, getRow, insertRow, lockedRow, updateRow, type Noun } from './noun.ts';
import { ownerOf } from './owners.ts';
import { findPort } from './ports.store.ts';
import { findSecurityGroup } from './security-groups.store.ts';

export type Log = {
  id: string; project_id: string; name: string; description: string; resource_type: string; resource_id: string | null; target_id: string | null; event: LogEvent; enabled: boolean; revision_number: number;
  created_at: Date; updated_at: Date;
};
type LogChange = { name?: string; description?: string; enabled?: boolean };
export type LogWish = LogChange & { project_id?: string; tenant_id?: string; resource_type: string; resource_id?: string | null; target_id?: string | null; event?: LogEvent };

export const logNoun: Noun<Log> = {
  resource: 'log',
  table: sql`network.log`,
  columns: sql`r.id, r.project_id, r.name, r.description, 'security_group' as resource_type, r.resource_id, r.target_id, r.event, r.enabled, r.revision_number, r.created_at, r.updated_at`,
  notThere: (id) => notFound(`Log resource ${id} could not be found.`, 'LogResourceNotFound'),
};

export const logListing: Listing = {
  collection: 'logs',
  table: logNoun.table,
  filters: {
    ...standardFilters(),
    name: byText(sql`r.name`),
    resource_type: byText(sql`'security_group'`),
    resource_id: byTextOrNothing(sql`r.resource_id`),
    target_id: byTextOrNothing(sql`r.target_id`),
    event: byText(sql`r.event`),
    enabled: byBoolean(sql`r.enabled`),
  },
  sorts: { ...standardSorts, name: sql`r.name`, enabled: sql`r.enabled` },
};

/** Of what packets can be written down here: nothing where a partner's cloud has the rules. */
export async function loggable(context: Pick<Context, 'tx' | 'now'>): Promise<string[]> {
  return (await isElsewhere(context)) ? [] : ['security_group'];
}

export async function createLog(context: Context, wish: LogWish): Promise<Log> {
  const { tx, now, random } = context;
  const project_id = ownerOf(context, wish);
  if (!(await loggable(context)).includes(wish.resource_type)) throw badRequest(`Invalid input for operation: Invalid log resource_type: ${wish.resource_type}..`, 'InvalidLogResourceType');
  const { resource_id = null, target_id = null } = wish;
  await demandOwn(context, project_id, { resource_id, target_id });
  const id = random.uuid();
  await insertRow(tx, logNoun, { id, project_id, name: wish.name ?? '', description: wish.description ?? '', resource_id, target_id, event: wish.event ?? 'ALL', enabled: wish.enabled ?? true, created_at: now, updated_at: now });
  const log = await getRow(context, logNoun, id);
  await markLogged(context, log);
  await tell(context, 'log', 'create', log, { name: log.name });
  return log;
}

export async function updateLog(context: Context, id: string, wish: LogChange): Promise<Log> {
  const before = await lockedRow(context, logNoun, id, 'update');
  await updateRow(context.tx, logNoun, id, { name: wish.name, description: wish.description, enabled: wish.enabled, revision_number: before.revision_number + 1, updated_at: context.now });
  const log = await getRow(context, logNoun, id);
  if (log.enabled !== before.enabled) await markLogged(context, log);
  await tell(context, 'log', 'update', log);
  return log;
}

export async function deleteLog(context: Context, id: string): Promise<void> {
  const log = await lockedRow(context, logNoun, id, 'delete');
  await deleteRow(context.tx, logNoun, id);
  await markLogged(context, log);
  await tell(context, 'log', 'delete', log, { name: log.name });
}

/** Nothing is written down any more of groups or ports that go. */
export async function dropLogsOn(context: Change, what: 'resource_id' | 'target_id', ids: readonly string[]): Promise<void> {
  for (const log of await deleteLogsOn(context.tx, what, ids)) {
    if (what === 'target_id') await markLogged(context, log);
    await tell(context, 'log', 'delete', log);
  }
}

/** Of a port that was in these groups. */
export async function markLoggedOn(context: Change, before: { id: string; project_id: string; security_groups: readonly string[] }): Promise<void> {
  if (!(await isPortLogged(context.tx, before.id))) return;
  await mark(context.tx, context.now, 'security-group', [...before.security_groups, ...(await groupsLogged(context.tx, { project_id: before.project_id, resource_id: null, target_id: before.id }))]);
}

async function markLogged({ tx, now }: Change, log: Pick<Log, 'project_id' | 'resource_id' | 'target_id'>): Promise<void> {
  await mark(tx, now, 'security-group', await groupsLogged(tx, log));
}

/** Of what is shared with a project, others would be told too. */
async function demandOwn({ tx, caller }: Context, projectId: string, { resource_id, target_id }: Pick<Log, 'resource_id' | 'target_id'>): Promise<void> {
  const group = resource_id === null ? undefined : await findSecurityGroup(tx, resource_id);
  const port = target_id === null ? undefined : await findPort(tx, target_id);
  const mayUse = (owned: { project_id: string } | undefined) => owned !== undefined && (owned.project_id === projectId || caller.isAdmin);
  if (resource_id !== null && !mayUse(group)) throw notFound(`Resource ${resource_id} could not be found.`, 'ResourceNotFound');
  if (target_id !== null && !mayUse(port)) throw notFound(`Target resource ${target_id} could not be found.`, 'TargetResourceNotFound');
  if (resource_id !== null && target_id !== null && !(await isGuarded(tx, target_id, resource_id)))
    throw badRequest(`Invalid input for operation: Invalid resource constraint between resource (security_group ${resource_id}) and target resource (port ${target_id})..`, 'InvalidResourceConstraint');
}
