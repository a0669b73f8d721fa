/** The SQL of what projects may have of a type, and of classes of quotas. */
import type { Transaction } from '../../kit/postgres/database.ts';

export const perType = ['volumes', 'gigabytes', 'snapshots'] as const;
export type PerType = (typeof perType)[number];
export type TypeQuota = { projectId: string; typeId: string; resource: PerType; used: number; most: number | null };

/** None: there is not so much left. Negative amounts give back. */
export async function claimType(tx: Transaction, { projectId, typeId, resource, amount, fallback }: { projectId: string; typeId: string; resource: PerType; amount: number; fallback: number }): Promise<number> {
  if (amount === 0) return 1;
  if (amount < 0) {
    const released = await tx.run`update volume.type_quota set used = used + ${amount}::bigint where project_id = ${projectId} and type_id = ${typeId} and resource = ${resource}`;
    await tx.run`delete from volume.type_quota where project_id = ${projectId} and type_id = ${typeId} and resource = ${resource} and used = 0 and most is null`;
    return released;
  }
  return tx.run`
    insert into volume.type_quota as q (project_id, type_id, resource, used)
    select ${projectId}, ${typeId}, ${resource}, ${amount}::bigint
    where ${fallback}::bigint = -1 or ${amount}::bigint <= ${fallback}::bigint or exists (select from volume.type_quota where project_id = ${projectId} and type_id = ${typeId} and resource = ${resource})
    on conflict (project_id, type_id, resource) do update set used = q.used + excluded.used
    where coalesce(q.most, ${fallback}::bigint) = -1 or q.used + excluded.used <= coalesce(q.most, ${fallback}::bigint)`;
}

export function selectTypeQuotas(tx: Transaction, projectId: string): Promise<TypeQuota[]> {
  return tx.rows<TypeQuota>`select project_id as "projectId", type_id as "typeId", resource, used, most from volume.type_quota where project_id = ${projectId}`;
}

export function setTypeLimit(tx: Transaction, { projectId, typeId, resource, most }: Omit<TypeQuota, 'used'>): Promise<number> {
  return tx.run`
    insert into volume.type_quota (project_id, type_id, resource, most) values (${projectId}, ${typeId}, ${resource}, ${most})
    on conflict (project_id, type_id, resource) do update set most = excluded.most`;
}

export function resetTypeLimits(tx: Transaction, projectId: string): Promise<number> {
  return tx.run`update volume.type_quota set most = null where project_id = ${projectId}`;
}

export function listTypeUse(tx: Transaction): Promise<TypeQuota[]> {
  return tx.rows<TypeQuota>`select project_id as "projectId", type_id as "typeId", resource, used, most from volume.type_quota where used > 0`;
}

/** What each project has of each type, as it should be counted. */
export function countTypeUse(tx: Transaction): Promise<{ projectId: string; typeId: string; volumes: number; gigabytes: number; snapshots: number }[]> {
  return tx.rows`
    select project_id as "projectId", type_id as "typeId", sum(volumes)::int as volumes, sum(gigabytes)::int as gigabytes, sum(snapshots)::int as snapshots from (
      select project_id, type_id, 1 as volumes, coalesce(wanted_gib, size_gib) as gigabytes, 0 as snapshots from volume.volume where type_id is not null
      union all select s.project_id, v.type_id, 0, s.size_gib, 1 from volume.snapshot s join volume.volume v on v.id = s.volume_id where v.type_id is not null) each group by 1, 2`;
}

export type ClassLimit = { resource: string; typeId: string | null; most: number };

export function selectClass(tx: Transaction, name: string): Promise<ClassLimit[]> {
  return tx.rows<ClassLimit>`select resource, type_id as "typeId", most from volume.quota_class where name = ${name}`;
}

export function setClassLimit(tx: Transaction, name: string, { resource, typeId, most }: ClassLimit): Promise<number> {
  return tx.run`
    insert into volume.quota_class (name, resource, type_id, most) values (${name}, ${resource}, ${typeId}, ${most})
    on conflict (name, resource, type_id) do update set most = excluded.most`;
}

