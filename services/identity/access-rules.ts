/** What programs with application credentials may ask for. keystone/application_credential/core.py; keystonemiddleware/auth_token/__init__.py */
import { sql } from '../../kit/postgres/database.ts';
import type { Asked } from '../../kit/http/caller.ts';
import { demand, type Context } from './access.ts';
import { deleteAccessRule as removeAccessRule, findAccessRule, isAccessRuleUsed, listAccessRules as selectAccessRules, lockAccessRule, type StoredRule } from './access-rules.store.ts';
import type { AccessRule } from './delegation.ts';
import { pageConditions, rowsFor, type PageQuery } from './pages.ts';
import { couldNotFind, notAllowed } from './refusals.ts';
import type { Claims } from './token-format.ts';
import { demandNotHandedOn } from './application-credentials.ts';

export type { StoredRule } from './access-rules.store.ts';

export async function listAccessRules(context: Context, claims: Claims, userId: string, query: PageQuery & Partial<AccessRule>): Promise<StoredRule[]> {
  demand(context, 'identity:list_access_rules', { user: { id: userId } });
  demandNotHandedOn(claims);
  const { service, path, method } = query;
  const conditions = pageConditions(query);
  if (service !== undefined) conditions.push(sql`r.service = ${service}`);
  if (path !== undefined) conditions.push(sql`r.path = ${path}`);
  if (method !== undefined) conditions.push(sql`r.method = ${method}`);
  return selectAccessRules(context.tx, userId, conditions, rowsFor(query));
}

export async function getAccessRule(context: Context, claims: Claims, userId: string, id: string, rule = 'identity:get_access_rule'): Promise<StoredRule> {
  demand(context, rule, { user: { id: userId } });
  demandNotHandedOn(claims);
  const found = await findAccessRule(context.tx, id);
  if (found?.userId !== userId) throw couldNotFind('Access Rule', id);
  return found;
}

export async function deleteAccessRule(context: Context, claims: Claims, userId: string, id: string): Promise<void> {
  await getAccessRule(context, claims, userId, id, 'identity:delete_access_rule');
  await lockAccessRule(context.tx, id);
  if (await isAccessRuleUsed(context.tx, id)) throw notAllowed('May not delete access rule in use');
  await removeAccessRule(context.tx, id);
}

/** The path as the service itself knows it, or as it is found at the cloud's address. */
export function isAllowed(rules: readonly AccessRule[], { service, method, path, root }: Asked): boolean {
  const own = path.startsWith(`${root}/`) ? path.slice(root.length) : path;
  return rules.some((rule) => rule.service === service && rule.method === method && (isMatch(own, rule.path) || isMatch(path, rule.path)));
}

/** `*` and `{name}` stand for one part of a path, `**` for any number. keystonemiddleware/auth_token/__init__.py, _path_matches */
export function isMatch(path: string, pattern: string): boolean {
  // Step by step, as a pattern of many ** would keep a backtracking engine busy for ever (ATTACKS 40).
  const tokens = pattern.match(/\{[^}]*\}|\*\*|\*|[^{}*]/g) ?? [];
  let reached = new Set([0]);
  for (const token of tokens) {
    const next = new Set<number>();
    for (const at of reached) {
      if (token === '**') for (let end = at; end <= path.length; end++) next.add(end);
      else if (token === '*' || token.startsWith('{')) for (let end = at + 1; end <= path.length && path[end - 1] !== '/'; end++) next.add(end);
      else if (path[at] === token) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(path.length);
}
