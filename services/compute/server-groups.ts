/** Which servers keep together on one host, and which apart: kept in the transaction that claims a host. */
import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { ClaimWish } from '../placement/claims.ts';
import type { Claimed, Scheduler } from '../placement/scheduler/scheduler.ts';
import { claimQuota, OverQuota, releaseQuota } from '../quota/quotas.ts';
import { plainLimits } from './limits.ts';
import { countMembersOf, deleteServerGroupRow, findServerGroup, forgetMembership, insertServerGroup, lockServerGroup, selectMembers, selectServerGroups, type Policy, type ServerGroup } from './server-groups.store.ts';

export type { ServerGroup } from './server-groups.store.ts';

export async function createServerGroup(context: Context, { name, policy, mostPerHost }: { name: string; policy: Policy; mostPerHost: number | undefined }): Promise<ServerGroup> {
  const { tx, caller, now, random } = context;
  if (mostPerHost !== undefined && policy !== 'anti-affinity') throw badRequest('Only anti-affinity policy supports rules.');
  const projectId = caller.projectId ?? '';
  await claimQuota(tx, projectId, { 'compute.server_groups': 1 }).catch((error: unknown) => {
    throw error instanceof OverQuota ? forbidden('Quota exceeded, too many server groups.') : error;
  });
  const group = { id: random.uuid(), projectId, userId: caller.userId, name, policy, mostPerHost: mostPerHost ?? 1, hasRules: mostPerHost !== undefined, createdAt: now };
  await insertServerGroup(tx, group);
  await tell(context, group, 'create');
  return group;
}

export async function getServerGroup({ tx }: Pick<Context, 'tx'>, id: string): Promise<ServerGroup> {
  const group = await findServerGroup(tx, id);
  if (!group) throw notFound(`Instance group ${id} could not be found.`);
  return group;
}

/** Of every project for null. */
export function listServerGroups({ tx }: Pick<Context, 'tx'>, projectId: string | null, page: { limit: number; offset: number }): Promise<ServerGroup[]> {
  return selectServerGroups(tx, projectId, page);
}

export async function membersOf({ tx }: Pick<Context, 'tx'>, groups: readonly ServerGroup[]): Promise<Map<string, string[]>> {
  const members = groups.length === 0 ? [] : await selectMembers(tx, groups.map(({ id }) => id));
  return new Map([...Map.groupBy(members, ({ groupId }) => groupId)].map(([groupId, servers]) => [groupId, servers.map(({ id }) => id)]));
}

/** Its servers stay where they are, and are nobody's members. */
export async function deleteServerGroup(context: Context, id: string): Promise<void> {
  const group = await getServerGroup(context, id);
  await forgetMembership(context.tx, id);
  if ((await deleteServerGroupRow(context.tx, id)) === 0) return;
  await releaseQuota(context.tx, group.projectId, { 'compute.server_groups': 1 });
  await tell(context, group, 'delete');
}

function tell({ tx, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'>, { id, projectId, name, policy }: ServerGroup, verb: 'create' | 'delete' | 'add_member'): Promise<void> {
  return emit(tx, { now: () => now }, { type: `server_group.${verb}`, resource: 'server_group', resourceId: id, projectId, requestId, payload: { id, name, policy } });
}

/** Of each user's own: nova/compute/api.py, _check_quota_for_group. `more` are not members yet. */
export async function demandMembersRoom({ tx, caller }: Context, { id, projectId }: ServerGroup, more: number): Promise<void> {
  const { server_group_members: most } = await plainLimits(tx, projectId);
  if (most >= 0 && (await countMembersOf(tx, id, caller.userId)) + more > most) throw forbidden('Quota exceeded, too many servers in group');
}

/** Those who watch the group hear of its new servers. */
export async function tellJoined(context: Context, id: string): Promise<void> {
  await tell(context, await getServerGroup(context, id), 'add_member');
}

/**
 * Claims a host that the server's group allows. Those of one group wait for one another here, so that however many
 * ask at once, none sees a host as free of others that is being given to one.
 */
export async function claimInGroup(tx: Transaction, scheduler: Scheduler, groupId: string | null, wish: ClaimWish): Promise<Claimed> {
  const group = groupId === null ? undefined : await lockServerGroup(tx, groupId);
  if (!group) return scheduler.claimHost(tx, wish);
  const members: Record<string, number> = {};
  for (const { id, hostId } of await selectMembers(tx, [group.id])) if (id !== wish.consumerId && hostId !== null) members[hostId] = (members[hostId] ?? 0) + 1;
  return scheduler.claimHost(tx, { ...wish, group: { policy: group.policy, mostPerHost: group.mostPerHost, members } });
}
