import type { Transaction } from '../../kit/postgres/database.ts';

export type Limit = { resource: string; most: number };

export function selectClassLimits(tx: Transaction, name: string): Promise<Limit[]> {
  return tx.rows<Limit>`select resource, most::int8 as most from compute.quota_class where name = ${name}`;
}

export async function upsertClassLimits(tx: Transaction, name: string, limits: readonly Limit[]): Promise<void> {
  await tx.run`
    insert into compute.quota_class (name, resource, most)
    select ${name}, resource, most from unnest(${limits.map(({ resource }) => resource)}::text[], ${limits.map(({ most }) => most)}::bigint[]) as wanted (resource, most)
    on conflict (name, resource) do update set most = excluded.most`;
}

/** In the place of a user's name: what was set for the project itself, of what the quota service does not count. */
const wholeProject = '';

export function selectPlainLimits(tx: Transaction, projectId: string): Promise<Limit[]> {
  return selectUserLimits(tx, projectId, wholeProject);
}

export function upsertPlainLimits(tx: Transaction, projectId: string, limits: readonly Limit[]): Promise<void> {
  return upsertUserLimits(tx, projectId, wholeProject, limits);
}

export function selectUserLimits(tx: Transaction, projectId: string, userId: string): Promise<Limit[]> {
  return tx.rows<Limit>`select resource, most::int8 as most from compute.user_limit where project_id = ${projectId} and user_id = ${userId}`;
}

export async function upsertUserLimits(tx: Transaction, projectId: string, userId: string, limits: readonly Limit[]): Promise<void> {
  await tx.run`
    insert into compute.user_limit (project_id, user_id, resource, most)
    select ${projectId}, ${userId}, resource, most from unnest(${limits.map(({ resource }) => resource)}::text[], ${limits.map(({ most }) => most)}::bigint[]) as wanted (resource, most)
    on conflict (project_id, user_id, resource) do update set most = excluded.most`;
}

export async function deleteUserLimits(tx: Transaction, projectId: string, userId: string | null): Promise<void> {
  await tx.run`delete from compute.user_limit where project_id = ${projectId} and (${userId}::text is null or user_id = ${userId})`;
}

/** What a user's servers in a project count for. A resize that waits counts as the larger of both. */
export async function selectUsedBy(tx: Transaction, projectId: string, userId: string): Promise<{ instances: number; cores: number; ram: number }> {
  const used = await tx.one<{ instances: number; cores: number; ram: number }>`
    select count(*)::int as instances,
      coalesce(sum(greatest((flavor ->> 'vcpus')::int, coalesce((resize -> 'from' ->> 'vcpus')::int, 0))), 0)::int as cores,
      coalesce(sum(greatest((flavor ->> 'memoryMiB')::int, coalesce((resize -> 'from' ->> 'memoryMiB')::int, 0))), 0)::int as ram
    from compute.server where deleted_at is null and project_id = ${projectId} and user_id = ${userId}`;
  return used ?? { instances: 0, cores: 0, ram: 0 };
}
