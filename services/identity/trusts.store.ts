/** The only file that names the tables of trusts. */
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Trust = {
  id: string;
  trustorId: string;
  trusteeId: string;
  projectId: string | null;
  impersonation: boolean;
  /** UTC with six digits and no zone, as keystone stores it. */
  expiresAt: string | null;
  remainingUses: number | null;
  redelegatedTrustId: string | null;
  redelegationCount: number;
  roleIds: string[];
  extra: Record<string, unknown>;
};

const columns = sql`t.id, t.trustor_id as "trustorId", t.trustee_id as "trusteeId", t.project_id as "projectId", t.impersonation,
  to_char(t.expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') as "expiresAt", t.remaining_uses as "remainingUses",
  t.redelegated_trust_id as "redelegatedTrustId", t.redelegation_count as "redelegationCount", t.extra,
  array(select role_id from identity.trust_role tr where tr.trust_id = t.id order by role_id) as "roleIds"`;

/** Also what has ended or has no uses left. */
export function findTrust(tx: Transaction, id: string): Promise<Trust | undefined> {
  return tx.one<Trust>`select ${columns} from identity.trust t where t.id = ${id}`;
}

/** The trust, and those that it was handed on from, back to the first one. */
export function listPedigree(tx: Transaction, id: string): Promise<Trust[]> {
  return tx.rows<Trust>`
    with recursive pedigree as (
      select id, redelegated_trust_id, 0 as step from identity.trust where id = ${id}
      union all
      select t.id, t.redelegated_trust_id, p.step + 1 from identity.trust t join pedigree p on t.id = p.redelegated_trust_id
    )
    select ${columns} from pedigree p join identity.trust t on t.id = p.id order by p.step`;
}

export function listTrusts(tx: Transaction, conditions: readonly Sql[], most: number): Promise<Trust[]> {
  return tx.rows<Trust>`select ${columns} from identity.trust t where ${sql.and(conditions)} order by t.id limit ${most}`;
}

export const trustsOfTrustor = (userId: string): Sql => sql`t.trustor_id = ${userId}`;
export const trustsOfTrustee = (userId: string): Sql => sql`t.trustee_id = ${userId}`;

export async function insertTrust(tx: Transaction, trust: Trust): Promise<void> {
  await tx.run`
    insert into identity.trust (id, trustor_id, trustee_id, project_id, impersonation, expires_at, remaining_uses, redelegated_trust_id, redelegation_count, extra)
    values (${trust.id}, ${trust.trustorId}, ${trust.trusteeId}, ${trust.projectId}, ${trust.impersonation}, ${trust.expiresAt}::timestamp at time zone 'utc',
      ${trust.remainingUses}, ${trust.redelegatedTrustId}, ${trust.redelegationCount}, ${sql.json(trust.extra)})`;
  await tx.run`insert into identity.trust_role (trust_id, role_id) select ${trust.id}, role_id from unnest(${trust.roleIds}::text[]) role_id`;
}

/** Waits for whoever uses it up, so that it is not handed on meanwhile. */
export async function lockTrust(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.rows`select 1 from identity.trust where id = ${id} for update`).length === 1;
}

/** False when there is none left. */
export async function takeUse(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.run`update identity.trust set remaining_uses = remaining_uses - 1 where id = ${id} and (remaining_uses is null or remaining_uses > 0)`) === 1;
}

/** With those that were handed on from it; their ids, its own last. */
export async function deleteTrust(tx: Transaction, id: string): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`
    with recursive ending as (
      select id, 0 as step from identity.trust where id = ${id}
      union all
      select t.id, e.step + 1 from identity.trust t join ending e on t.redelegated_trust_id = e.id
    )
    select id from ending order by step desc`;
  await tx.run`delete from identity.trust where id = ${id}`;
  return rows.map((row) => row.id);
}

/** Trusts that concern whom these revocations concern, and what was handed on from them. */
export async function trustsEndedBy(tx: Transaction, subjects: readonly string[]): Promise<string[]> {
  const parts = subjects.map((subject) => subject.split(':'));
  const ids = (kind: string) => parts.flatMap(([name, id]) => (name === kind && id !== undefined ? [id] : []));
  const grants = parts.flatMap(([name, userId, place, id]) => (name === 'grant' && place === 'project' && userId !== undefined && id !== undefined ? [{ userId, id }] : []));
  const heirs = parts.flatMap(([name, userId, domainId]) => (name === 'heir' && userId !== undefined && domainId !== undefined ? [{ userId, domainId }] : []));
  const [userIds, domainIds, trustIds] = [ids('user'), ids('domain'), ids('trust')];
  const concerned: Sql[] = [];
  if (userIds.length > 0) concerned.push(sql`select id from identity.trust where trustor_id = any(${userIds}::text[])`, sql`select id from identity.trust where trustee_id = any(${userIds}::text[])`);
  if (trustIds.length > 0) concerned.push(sql`select id from identity.trust where id = any(${trustIds}::text[])`);
  if (domainIds.length > 0) concerned.push(sql`select t.id from identity.trust t join identity."user" u on u.id in (t.trustor_id, t.trustee_id) where u.domain_id = any(${domainIds}::text[])`);
  if (grants.length > 0)
    concerned.push(sql`
      select t.id from identity.trust t
      join unnest(${grants.map(({ userId }) => userId)}::text[], ${grants.map(({ id }) => id)}::text[]) as lost (user_id, project_id)
        on lost.user_id = t.trustor_id and lost.project_id = t.project_id`);
  if (heirs.length > 0)
    concerned.push(sql`
      select t.id from identity.trust t join identity.project p on p.id = t.project_id
      join unnest(${heirs.map(({ userId }) => userId)}::text[], ${heirs.map(({ domainId }) => domainId)}::text[]) as lost (user_id, domain_id)
        on lost.user_id = t.trustor_id and lost.domain_id = p.domain_id`);
  // What follows is planned anew each time, as it depends on how many are asked about: most clouds hand nothing on.
  if (concerned.length === 0 || !(await tx.one`select 1 from identity.trust limit 1`)) return [];
  const rows = await tx.rows<{ id: string }>`
    with recursive offspring as (
      (${sql.join(concerned, ' union ')})
      union
      select t.id from identity.trust t join offspring o on t.redelegated_trust_id = o.id
    )
    select id from offspring order by id`;
  return rows.map(({ id }) => id);
}
