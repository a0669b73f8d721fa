/** Which servers keep together on one host, and which apart: kept in the transaction that claims a host. */
import { badRequest, forbidden, notFound } from '../../kit/fault.ts';
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { claimHost, NoValidHost, type ClaimWish } from '../placement/claims.ts';
import { findHost } from '../placement/hosts.ts';
import { claimQuota, OverQuota, releaseQuota } from '../quota/quotas.ts';
import { deleteServerGroupRow, findServerGroup, forgetMembership, insertServerGroup, lockServerGroup, selectMembers, selectServerGroups, type Policy, type ServerGroup } from './server-groups.store.ts';

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

/** Those who watch the group hear of its new servers. */
export async function tellJoined(context: Context, id: string): Promise<void> {
  await tell(context, await getServerGroup(context, id), 'add_member');
}

/**
 * Claims a host that the server's group allows. Those of one group wait for one another here, so that however many
 * ask at once, none sees a host as free of others that is being given to one.
 */
export async function claimInGroup(tx: Transaction, groupId: string | null, wish: ClaimWish): Promise<{ hostId: string }> {
  const group = groupId === null ? undefined : await lockServerGroup(tx, groupId);
  if (!group) return claimHost(tx, wish);
  const hosts = Map.groupBy((await selectMembers(tx, [group.id])).filter(({ id, hostId }) => id !== wish.consumerId && hostId !== null), ({ hostId }) => hostId!);
  switch (group.policy) {
    case 'anti-affinity':
      return claimHost(tx, { ...wish, exclude: [...(wish.exclude ?? []), ...full(hosts, group.mostPerHost)] });
    case 'soft-anti-affinity':
      return claimHost(tx, { ...wish, exclude: [...(wish.exclude ?? []), ...hosts.keys()] }).catch(orElse(() => claimHost(tx, wish)));
    case 'affinity':
      return hosts.size === 0 ? claimHost(tx, wish) : claimOnOne(tx, wish, [...hosts.keys()]);
    case 'soft-affinity':
      return hosts.size === 0 ? claimHost(tx, wish) : claimOnOne(tx, wish, [...hosts.keys()]).catch(orElse(() => claimHost(tx, wish)));
    default:
      return group.policy satisfies never;
  }
}

function full(hosts: ReadonlyMap<string, readonly unknown[]>, most: number): string[] {
  return [...hosts].filter(([, members]) => members.length >= most).map(([hostId]) => hostId);
}

async function claimOnOne(tx: Transaction, wish: ClaimWish, hostIds: readonly string[]): Promise<{ hostId: string }> {
  for (const id of hostIds) {
    const host = await findHost(tx, id);
    if (!host || (wish.exclude ?? []).includes(id) || (wish.hostname && wish.hostname !== host.hostname)) continue;
    try {
      return await claimHost(tx, { ...wish, hostname: host.hostname });
    } catch (error) {
      if (!(error instanceof NoValidHost)) throw error;
    }
  }
  throw new NoValidHost();
}

function orElse<T>(other: () => Promise<T>) {
  return (error: unknown): Promise<T> => {
    if (!(error instanceof NoValidHost)) throw error;
    return other();
  };
}
