/** The only file that names the tables of access rules. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { AccessRule } from './delegation.ts';

export type StoredRule = AccessRule & { id: string };

const columns = sql`r.id, r.service, r.method, r.path`;

export function listAccessRulesOf(tx: Transaction, credentialId: string): Promise<StoredRule[]> {
  return tx.rows<StoredRule>`
    select ${columns} from identity.application_credential_access_rule cr join identity.access_rule r on r.id = cr.access_rule_id
    where cr.application_credential_id = ${credentialId} order by r.id`;
}

/** Of every credential that has some: regions judge by them too. */
export function listAllAccessRules(tx: Transaction): Promise<{ credential: string; rules: AccessRule[] }[]> {
  return tx.rows`
    select cr.application_credential_id as credential, jsonb_agg(jsonb_build_object('service', r.service, 'method', r.method, 'path', r.path) order by r.id) as rules
    from identity.application_credential_access_rule cr join identity.access_rule r on r.id = cr.access_rule_id
    group by cr.application_credential_id order by cr.application_credential_id`;
}

/** By credential, for lists of them. */
export async function listAccessRulesOfAll(tx: Transaction, credentialIds: readonly string[]): Promise<Map<string, StoredRule[]>> {
  const rows = await tx.rows<StoredRule & { credentialId: string }>`
    select ${columns}, cr.application_credential_id as "credentialId"
    from identity.application_credential_access_rule cr join identity.access_rule r on r.id = cr.access_rule_id
    where cr.application_credential_id = any(${credentialIds}::text[]) order by r.id`;
  const rules = new Map<string, StoredRule[]>();
  for (const { credentialId, ...rule } of rows) rules.set(credentialId, [...(rules.get(credentialId) ?? []), rule]);
  return rules;
}

export function findAccessRule(tx: Transaction, id: string): Promise<(StoredRule & { userId: string }) | undefined> {
  return tx.one<StoredRule & { userId: string }>`select ${columns}, r.user_id as "userId" from identity.access_rule r where r.id = ${id}`;
}

export function listAccessRules(tx: Transaction, userId: string, conditions: readonly Sql[], most: number): Promise<StoredRule[]> {
  return tx.rows<StoredRule>`select ${columns} from identity.access_rule r where r.user_id = ${userId} and ${sql.and(conditions)} order by r.id limit ${most}`;
}

export async function lockAccessRule(tx: Transaction, id: string): Promise<void> {
  await tx.run`select 1 from identity.access_rule where id = ${id} for update`;
}

export async function isAccessRuleUsed(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.rows`select 1 from identity.application_credential_access_rule where access_rule_id = ${id} limit 1`).length > 0;
}

export async function deleteAccessRule(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from identity.access_rule where id = ${id}`;
}

/** The rule of this user that says the same: a new one if there was none. */
export async function ensureAccessRule(tx: Transaction, userId: string, { id, service, method, path }: StoredRule): Promise<StoredRule> {
  const rule = await tx.one<StoredRule>`
    insert into identity.access_rule as r (id, user_id, service, method, path) values (${id}, ${userId}, ${service}, ${method}, ${path})
    on conflict (user_id, service, path, method) do update set method = r.method
    returning ${columns}`;
  if (!rule) throw new Error('an upsert returned nothing');
  return rule;
}

export async function insertRulesOfCredential(tx: Transaction, credentialId: string, ruleIds: readonly string[]): Promise<void> {
  await tx.run`
    insert into identity.application_credential_access_rule (application_credential_id, access_rule_id)
    select ${credentialId}, id from unnest(${[...new Set(ruleIds)]}::text[]) id`;
}
