import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Policy = 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity';

export type ServerGroup = {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  policy: Policy;
  mostPerHost: number;
  hasRules: boolean;
  createdAt: Date;
};

const columns = sql`id, project_id as "projectId", user_id as "userId", name, policy, most_per_host as "mostPerHost", has_rules as "hasRules", created_at as "createdAt"`;

export async function insertServerGroup(tx: Transaction, group: ServerGroup): Promise<void> {
  await tx.run`
    insert into compute.server_group (id, project_id, user_id, name, policy, most_per_host, has_rules, created_at)
    values (${group.id}, ${group.projectId}, ${group.userId}, ${group.name}, ${group.policy}, ${group.mostPerHost}, ${group.hasRules}, ${group.createdAt})`;
}

export function selectServerGroups(tx: Transaction, projectId: string | null, { limit, offset }: { limit: number; offset: number }): Promise<ServerGroup[]> {
  return tx.rows<ServerGroup>`
    select ${columns} from compute.server_group
    where (${projectId}::text is null or project_id = ${projectId}) order by created_at, id limit ${limit} offset ${offset}`;
}

export function findServerGroup(tx: Transaction, id: string): Promise<ServerGroup | undefined> {
  return tx.one<ServerGroup>`select ${columns} from compute.server_group where id = ${id}`;
}

/** Its servers are placed one after another from here on. */
export function lockServerGroup(tx: Transaction, id: string): Promise<ServerGroup | undefined> {
  return tx.one<ServerGroup>`select ${columns} from compute.server_group where id = ${id} for no key update`;
}

export function deleteServerGroupRow(tx: Transaction, id: string): Promise<number> {
  return tx.run`delete from compute.server_group where id = ${id}`;
}

/** Who is forgotten has no members any more. */
export async function forgetMembership(tx: Transaction, groupId: string): Promise<void> {
  await tx.run`update compute.server set group_id = null where group_id = ${groupId}`;
}

/** The servers of these groups that are not deleted, in the order in which they were made. */
export function selectMembers(tx: Transaction, groupIds: readonly string[]): Promise<{ groupId: string; id: string; hostId: string | null }[]> {
  return tx.rows`
    select group_id as "groupId", id, host_id as "hostId" from compute.server
    where group_id = any(${[...groupIds]}::text[]) and deleted_at is null order by created_at, id`;
}

export async function countMembersOf(tx: Transaction, groupId: string, userId: string): Promise<number> {
  const found = await tx.one<{ count: number }>`select count(*)::int as count from compute.server where group_id = ${groupId} and user_id = ${userId} and deleted_at is null`;
  return found?.count ?? 0;
}

/** For each project, for invariant I4. */
export function countServerGroups(tx: Transaction): Promise<{ projectId: string; count: number }[]> {
  return tx.rows`select project_id as "projectId", count(*)::int as count from compute.server_group group by project_id`;
}
