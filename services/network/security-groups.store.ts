import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { sharedWithReader } from './rbac-policies.store.ts';

export type SecurityGroupRule = {
  id: string;
  project_id: string;
  security_group_id: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  protocol: string | null;
  port_range_min: number | null;
  port_range_max: number | null;
  remote_group_id: string | null;
  remote_address_group_id: string | null;
  remote_ip_prefix: string | null;
  normalized_cidr: string | null;
  belongs_to_default_sg: boolean;
  description: string;
  revision_number: number;
  created_at: string;
  updated_at: string;
};

export type SecurityGroup = {
  id: string;
  project_id: string;
  name: string;
  description: string;
  stateful: boolean;
  is_default: boolean;
  /** With whoever asks. */
  shared: boolean;
  security_group_rules: SecurityGroupRule[];
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewRule = Omit<SecurityGroupRule, 'belongs_to_default_sg' | 'revision_number' | 'created_at' | 'updated_at'>;

const second = (column: Sql) => sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

const ruleColumns = sql`r.id, r.project_id, r.security_group_id, r.direction, r.ethertype, r.protocol, r.port_range_min, r.port_range_max, r.remote_group_id, r.remote_address_group_id, r.remote_ip_prefix,
  r.normalized_cidr::text as normalized_cidr, exists (select from network.security_group g where g.id = r.security_group_id and g.is_default) as belongs_to_default_sg,
  r.description, r.revision_number, ${second(sql`r.created_at`)} as created_at, ${second(sql`r.updated_at`)} as updated_at`;

const columns = sql`r.id, r.project_id, r.name, r.description, r.stateful, r.is_default, ${sharedWithReader(sql`r.shared_with`)} as shared, r.tags, r.revision_number, r.created_at, r.updated_at`;

export async function selectSecurityGroups(tx: Transaction, tail: Sql): Promise<SecurityGroup[]> {
  const groups = await tx.rows<Omit<SecurityGroup, 'security_group_rules'>>(sql`select ${columns} from network.security_group r where ${tail}`);
  const rules = await selectRules(tx, sql`r.security_group_id = any(${groups.map(({ id }) => id)}::text[]) order by r.created_at, r.id`);
  const byGroup = Map.groupBy(rules, (rule) => rule.security_group_id);
  return groups.map((group) => ({ ...group, security_group_rules: byGroup.get(group.id) ?? [] }));
}

export async function findSecurityGroup(tx: Transaction, id: string): Promise<SecurityGroup | undefined> {
  return (await selectSecurityGroups(tx, sql`r.id = ${id}`))[0];
}

/** Until the end of the transaction nobody else changes it or its rules. */
export async function lockSecurityGroup(tx: Transaction, id: string): Promise<SecurityGroup | undefined> {
  const found = await tx.one`select id from network.security_group where id = ${id} for update`;
  return found && findSecurityGroup(tx, id);
}

/** False when it is to be a project's default group, and there is one. */
export async function insertSecurityGroup(
  tx: Transaction,
  group: { id: string; project_id: string; name: string; description: string; stateful: boolean; is_default: boolean },
  now: Date,
): Promise<boolean> {
  const made = await tx.run`
    insert into network.security_group (id, project_id, name, description, stateful, is_default, created_at, updated_at)
    values (${group.id}, ${group.project_id}, ${group.name}, ${group.description}, ${group.stateful}, ${group.is_default}, ${now}, ${now})
    on conflict (project_id) where is_default do nothing`;
  return made === 1;
}

export async function updateSecurityGroupRow(tx: Transaction, group: Pick<SecurityGroup, 'id' | 'name' | 'description' | 'stateful'>, now: Date): Promise<void> {
  await tx.run`
    update network.security_group set name = ${group.name}, description = ${group.description}, stateful = ${group.stateful}, revision_number = revision_number + 1, updated_at = ${now}
    where id = ${group.id}`;
}

export async function touchSecurityGroup(tx: Transaction, id: string, now: Date): Promise<void> {
  await tx.run`update network.security_group set revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`;
}

export async function deleteSecurityGroupRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.security_group where id = ${id}`;
}

export async function isGroupOnPort(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one`select 1 from network.port_security_group where security_group_id = ${id} limit 1`) !== undefined;
}

/** Which of them the caller may see. */
export async function seenGroups(tx: Transaction, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  // In this form PostgreSQL does not plan it anew each time, which takes longer than the answer.
  const seen = await tx.rows<{ id: string }>`select g.id from unnest((select ${[...ids]}::text[])) wanted (id), lateral (select id from network.security_group where id = wanted.id offset 0) g`;
  return new Set(seen.map(({ id }) => id));
}

/** How many kinds there are among them: stateful, stateless. */
export async function kindsOfGroups(tx: Transaction, ids: readonly string[]): Promise<number> {
  return (await tx.rows`select distinct stateful from network.security_group where id = any(${[...ids]}::text[])`).length;
}

export async function findDefaultGroup(tx: Transaction, projectId: string): Promise<string | undefined> {
  return (await tx.one<{ id: string }>`select id from network.security_group where project_id = ${projectId} and is_default`)?.id;
}

export function selectRules(tx: Transaction, tail: Sql): Promise<SecurityGroupRule[]> {
  return tx.rows<SecurityGroupRule>(sql`select ${ruleColumns} from network.security_group_rule r where ${tail}`);
}

export async function findRule(tx: Transaction, id: string): Promise<SecurityGroupRule | undefined> {
  return (await selectRules(tx, sql`r.id = ${id}`))[0];
}

export async function insertRules(tx: Transaction, rules: readonly NewRule[], now: Date): Promise<void> {
  if (rules.length === 0) return;
  await tx.run`
    insert into network.security_group_rule (id, project_id, security_group_id, direction, ethertype, protocol, port_range_min, port_range_max, remote_group_id, remote_address_group_id, remote_ip_prefix,
      normalized_cidr, description, group_shared_with, created_at, updated_at)
    select r.id, r.project_id, r.security_group_id, r.direction, r.ethertype, r.protocol, r.port_range_min, r.port_range_max,
      r.remote_group_id, r.remote_address_group_id, r.remote_ip_prefix, r.normalized_cidr, r.description, g.shared_with, ${now}, ${now}
    from jsonb_to_recordset(${sql.json(rules)}) as r (id text, project_id text, security_group_id text, direction text, ethertype text, protocol text, port_range_min integer, port_range_max integer,
      remote_group_id text, remote_address_group_id text, remote_ip_prefix text, normalized_cidr cidr, description text)
    join network.security_group g on g.id = r.security_group_id`;
}

export async function deleteRuleRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.security_group_rule where id = ${id}`;
}

/** Rules of other groups that name this one as the remote end. */
export function rulesNaming(tx: Transaction, groupId: string): Promise<{ id: string; project_id: string; security_group_id: string }[]> {
  return tx.rows`select id, project_id, security_group_id from network.security_group_rule where remote_group_id = ${groupId} and security_group_id <> ${groupId}`;
}
