/** Domains: namespaces of users and projects. keystone/resource/core.py */
import { ConstraintViolation, sql } from '../../kit/postgres/database.ts';
import { demand, demandList, type Context } from './access.ts';
import { announce } from './announcements.ts';
import type { Directory } from './directory.ts';
import { deleteDomain as removeDomain, findDomain, insertDomain, listDomains as selectDomains, listInDomain, lockDomain, updateDomain as storeDomain, type Domain } from './domains.store.ts';
import { nameConditions, pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { clearProjectParents } from './projects.store.ts';
import { alreadyThere, couldNotFind, immutable, notAllowed } from './refusals.ts';

export type { Domain } from './domains.store.ts';

export const defaultDomainId = 'default';

export function listDomains(context: Context, query: PageQuery & { enabled?: boolean; name?: string }): Promise<Domain[]> {
  const only = demandList(context, 'identity:list_domains', (domainId) => ({ domain: { id: domainId } }));
  const conditions = [...pageConditions(query), ...nameConditions(query)];
  if (only !== undefined) conditions.push(sql`id = ${only}`);
  if (query.enabled !== undefined) conditions.push(sql`enabled = ${query.enabled}`);
  return selectDomains(context.tx, conditions, rowsFor(query));
}

export async function getDomain(context: Context, id: string): Promise<Domain> {
  demand(context, 'identity:get_domain', { domain: { id } });
  const domain = await findDomain(context.tx, id);
  if (!domain) throw couldNotFind('domain', id);
  return domain;
}

export async function createDomain(context: Context, domain: Domain): Promise<Domain> {
  demand(context, 'identity:create_domain');
  await insertDomain(context.tx, domain, (error) => nameTaken(error, domain));
  return domain;
}

/** That there is none is said before the rule is asked (keystone/common/rbac_enforcer/enforcer.py, _extract_member_target_data). */
export async function updateDomain(context: Context, directory: Directory, id: string, change: Partial<Domain>): Promise<Domain> {
  const { tx, now } = context;
  const before = await lockDomain(tx, id);
  if (!before) throw couldNotFind('domain', id);
  demand(context, 'identity:update_domain');
  if (before.options.immutable === true && change.options?.immutable !== false) throw immutable('update', 'domain', id);
  const after: Domain = { ...before, ...change, id, options: { ...before.options, ...change.options }, extra: { ...before.extra, ...change.extra } };
  await storeDomain(tx, after, (error) => nameTaken(error, after));
  if (before.enabled && !after.enabled) await directory.revoke(tx, [`domain:${id}`], now);
  return after;
}

/** With all that is in it, which is told one by one. */
export async function deleteDomain(context: Context, directory: Directory, id: string): Promise<void> {
  const { tx, now } = context;
  const domain = await lockDomain(tx, id);
  if (!domain) throw couldNotFind('domain', id);
  demand(context, 'identity:delete_domain');
  if (domain.options.immutable === true) throw immutable('delete', 'domain', id);
  if (domain.enabled) throw notAllowed('Cannot delete a domain that is enabled, please disable it first.');
  await clearProjectParents(tx, id);
  const within = await listInDomain(tx, id);
  for (const { resource, id: held } of within) await announce(context, resource, 'deleted', held);
  await removeDomain(tx, id);
  await directory.revoke(tx, [`domain:${id}`], now);
  if (within.some(({ resource }) => resource === 'role')) directory.rolesChanged(tx);
}

function nameTaken(error: unknown, { name }: Domain): unknown {
  return error instanceof ConstraintViolation && error.kind === 'unique' ? alreadyThere('domain', `Duplicate entry found with name ${name}`) : error;
}
