/** Granting roles and taking them away. keystone/assignment/core.py */
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { demandReading } from './access.ts';
import { deleteApplicationCredentialsIn } from './application-credentials.store.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { deleteGrant, hasGrant, insertGrant, listAssignments as selectAssignments, listGrantedRoles, type Assignment, type AssignmentFilter } from './grants.store.ts';
import { findGroup, listMemberIds, lockGroup } from './groups.store.ts';
import type { Actor, Place } from './places.ts';
import { findProject } from './projects.store.ts';
import { couldNotFind, grantNotFound } from './refusals.ts';
import { findRole, type Role } from './roles.store.ts';
import { grantSubject } from './tokens.ts';
import { findUser } from './users.store.ts';

export { listPlacesOfGroup, type Assignment } from './grants.store.ts';

export async function listGrants({ tx, caller }: Context, actor: Actor, place: Place): Promise<Role[]> {
  const domainId = await placeDomain(tx, place);
  demandReading(caller, rulesOf(actor, place).list, { domainId: domainId ?? null });
  await demandActorAndPlace(tx, actor, place);
  return listGrantedRoles(tx, actor, place);
}

export async function demandGrant({ tx, caller }: Context, roleId: string, actor: Actor, place: Place): Promise<void> {
  const domainId = await placeDomain(tx, place);
  demandReading(caller, rulesOf(actor, place).check, { domainId: domainId ?? null });
  await demandActorAndPlace(tx, actor, place);
  if (!(await findRole(tx, roleId))) throw couldNotFind('role', roleId);
  if (!(await hasGrant(tx, roleId, actor, place))) throw grantNotFound(roleId, actor.id, idOf(place));
}

export async function grantRole({ tx }: Context, roleId: string, actor: Actor, place: Place): Promise<void> {
  await demandActorAndPlace(tx, actor, place);
  if (!(await findRole(tx, roleId))) throw couldNotFind('role', roleId);
  await insertGrant(tx, roleId, actor, place);
}

export async function revokeRole(context: Context, directory: Directory, roleId: string, actor: Actor, place: Place): Promise<void> {
  const { tx, now } = context;
  await demandActorAndPlace(tx, actor, place);
  if (actor.kind === 'group') await lockGroup(tx, actor.id);
  if (!(await deleteGrant(tx, roleId, actor, place))) throw grantNotFound(roleId, actor.id, idOf(place));
  if (actor.kind === 'group') return endGroupGrants(context, directory, actor.id, place);
  await endGrants(tx, directory, [actor.id], place, now);
}

/** What these members (all, unless told) got through the group in this place ends: tokens, and application credentials. */
export async function endGroupGrants({ tx, now }: Context, directory: Directory, groupId: string, place: Place, userIds?: readonly string[]): Promise<void> {
  await endGrants(tx, directory, userIds ?? (await listMemberIds(tx, groupId)), place, now);
}

async function endGrants(tx: Transaction, directory: Directory, userIds: readonly string[], place: Place, now: Date): Promise<void> {
  if (place.kind === 'project') await deleteApplicationCredentialsIn(tx, place.id, userIds);
  await directory.revoke(tx, userIds.map((userId) => grantSubject(userId, place)), now);
}

export async function listAssignments({ tx, caller }: Context, filter: AssignmentFilter, most: number): Promise<Assignment[]> {
  if (caller.domainId !== null && !caller.isAdmin) {
    demandReading(caller, 'identity:list_role_assignments', { domainId: caller.domainId });
    return selectAssignments(tx, { ...filter, withinDomainId: caller.domainId }, most);
  }
  demandReading(caller, 'identity:list_role_assignments');
  return selectAssignments(tx, filter, most);
}

async function demandActorAndPlace(tx: Transaction, actor: Actor, place: Place): Promise<void> {
  const found = actor.kind === 'user' ? await findUser(tx, actor.id) : await findGroup(tx, actor.id);
  if (!found) throw couldNotFind(actor.kind, actor.id);
  if (place.kind !== 'system' && (await placeDomain(tx, place)) === undefined) throw couldNotFind(place.kind, place.id);
}

async function placeDomain(tx: Transaction, place: Place): Promise<string | undefined> {
  switch (place.kind) {
    case 'project':
      return (await findProject(tx, place.id))?.domainId;
    case 'domain':
      return (await findDomain(tx, place.id))?.id;
    case 'system':
      return undefined;
    default:
      return place satisfies never;
  }
}

function rulesOf(actor: Actor, place: Place): { list: string; check: string } {
  if (place.kind !== 'system') return { list: 'identity:list_grants', check: 'identity:check_grant' };
  return { list: `identity:list_system_grants_for_${actor.kind}`, check: `identity:check_system_grant_for_${actor.kind}` };
}

function idOf(place: Place): string {
  return place.kind === 'system' ? 'system' : place.id;
}
