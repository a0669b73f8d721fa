/** Granting roles and taking them away. keystone/assignment/core.py */
import type { Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import { deleteApplicationCredentialsIn } from './application-credentials.store.ts';
import type { Directory } from './directory.ts';
import { findDomain } from './domains.store.ts';
import { deleteGrant, hasGrant, insertGrant, listAssignments as selectAssignments, listGrantedRoles, type Assignment, type AssignmentFilter } from './grants.store.ts';
import { findGroup, listMemberIds, lockGroup } from './groups.store.ts';
import type { Actor, Place } from './places.ts';
import { findProject, listProjectIdsBelow } from './projects.store.ts';
import { couldNotFind, grantNotFound, invalid, notAllowed } from './refusals.ts';
import { findRole, type Role } from './roles.store.ts';
import { grantSubject, heirSubject } from './tokens.ts';
import { findUser } from './users.store.ts';

export { listPlacesOfGroup, type Assignment } from './grants.store.ts';

/** A role for somebody somewhere. What is inherited counts in the projects below, and not in the place itself. */
export type Grant = { actor: Actor; place: Place; inherited: boolean };

export async function listGrants(context: Context, { actor, place, inherited }: Grant): Promise<Role[]> {
  const found = await find(context.tx, { actor, place });
  demand(context, rulesOf(actor, place).list, targetOf(found));
  demandActorAndPlace(found, actor, place);
  return listGrantedRoles(context.tx, actor, place, inherited);
}

export async function demandGrant(context: Context, roleId: string, { actor, place, inherited }: Grant): Promise<void> {
  await demandAll(context, rulesOf(actor, place).check, roleId, { actor, place });
  if (!(await hasGrant(context.tx, roleId, actor, place, inherited))) throw grantNotFound(roleId, actor.id, idOf(place));
}

export async function grantRole(context: Context, roleId: string, { actor, place, inherited }: Grant): Promise<void> {
  const { role, placeDomainId } = await demandAll(context, rulesOf(actor, place).create, roleId, { actor, place });
  if (role.domainId !== null && place.kind === 'system') throw invalid(`Role ${roleId} is a domain-specific role. Unable to use a domain-specific role in a system assignment.`);
  if (role.domainId !== null && place.kind === 'project' && role.domainId !== placeDomainId) throw notAllowed(`Project ${place.id} must be in the same domain as the role ${roleId} being assigned.`);
  await insertGrant(context.tx, roleId, actor, place, inherited);
}

export async function revokeRole(context: Context, directory: Directory, roleId: string, { actor, place, inherited }: Grant): Promise<void> {
  const { tx } = context;
  await demandAll(context, rulesOf(actor, place).revoke, roleId, { actor, place });
  if (actor.kind === 'group') await lockGroup(tx, actor.id);
  if (!(await deleteGrant(tx, roleId, actor, place, inherited))) throw grantNotFound(roleId, actor.id, idOf(place));
  if (actor.kind === 'group') return endGroupGrants(context, directory, actor.id, { place, inherited });
  await endGrants(context, directory, [actor.id], { place, inherited });
}

/** What these members (all, unless told) got through the group in this place ends: tokens, and application credentials. */
export async function endGroupGrants(context: Pick<Context, 'tx' | 'now'>, directory: Directory, groupId: string, where: Pick<Grant, 'place' | 'inherited'>, userIds?: readonly string[]): Promise<void> {
  await endGrants(context, directory, userIds ?? (await listMemberIds(context.tx, groupId)), where);
}

async function endGrants({ tx, now }: Pick<Context, 'tx' | 'now'>, directory: Directory, userIds: readonly string[], { place, inherited }: Pick<Grant, 'place' | 'inherited'>): Promise<void> {
  if (inherited && place.kind !== 'system') {
    for (const projectId of await listProjectIdsBelow(tx, place)) await deleteApplicationCredentialsIn(tx, projectId, userIds);
    const domainId = place.kind === 'domain' ? place.id : ((await findProject(tx, place.id))?.domainId ?? '');
    return directory.revoke(tx, userIds.map((userId) => heirSubject(userId, domainId)), now);
  }
  if (place.kind === 'project') await deleteApplicationCredentialsIn(tx, place.id, userIds);
  await directory.revoke(tx, userIds.map((userId) => grantSubject(userId, place)), now);
}

export async function listAssignments(context: Context, filter: AssignmentFilter, most: number): Promise<Assignment[]> {
  const { tx, caller } = context;
  demand(context, 'identity:list_role_assignments', caller.domainId === null ? {} : { domain_id: caller.domainId });
  return selectAssignments(tx, caller.domainId === null ? filter : { ...filter, withinDomainId: caller.domainId }, most);
}

/** Of a project and everything below it. */
export async function listTreeAssignments(context: Context, rootId: string, filter: AssignmentFilter, most: number): Promise<Assignment[]> {
  const { tx } = context;
  const root = await findProject(tx, rootId);
  demand(context, 'identity:list_role_assignments_for_tree', root ? { project: { id: root.id, domain_id: root.domainId }, domain_id: root.domainId } : {});
  if (!root) throw couldNotFind('project', rootId);
  return selectAssignments(tx, { ...filter, projectIds: [rootId, ...(await listProjectIdsBelow(tx, { kind: 'project', id: rootId }))] }, most);
}

type Found = { actorKind: Actor['kind']; placeKind: Place['kind']; actorDomainId: string | undefined; placeDomainId: string | undefined; role?: Role | undefined };

/** All of it is looked up before the rule is asked, and told to be missing only to whoever may know. */
async function demandAll(context: Context, rule: string, roleId: string, { actor, place }: Pick<Grant, 'actor' | 'place'>): Promise<{ role: Role; placeDomainId: string | undefined }> {
  const [found, role] = await Promise.all([find(context.tx, { actor, place }), findRole(context.tx, roleId)]);
  demand(context, rule, targetOf({ ...found, role }));
  demandActorAndPlace(found, actor, place);
  if (!role) throw couldNotFind('role', roleId);
  return { role, placeDomainId: found.placeDomainId };
}

async function find(tx: Transaction, { actor, place }: Pick<Grant, 'actor' | 'place'>): Promise<Found> {
  const [one, domainId] = await Promise.all([actor.kind === 'user' ? findUser(tx, actor.id) : findGroup(tx, actor.id), placeDomain(tx, place)]);
  return { actorKind: actor.kind, placeKind: place.kind, actorDomainId: one?.domainId, placeDomainId: domainId };
}

function targetOf({ actorKind, placeKind, actorDomainId, placeDomainId, role }: Found): Record<string, unknown> {
  return {
    [actorKind]: actorDomainId === undefined ? {} : { domain_id: actorDomainId },
    ...(placeKind === 'system' || placeDomainId === undefined ? {} : { [placeKind]: placeKind === 'domain' ? { id: placeDomainId } : { domain_id: placeDomainId } }),
    role: role ? { id: role.id, name: role.name, domain_id: role.domainId } : {},
  };
}

function demandActorAndPlace({ actorDomainId, placeDomainId }: Found, actor: Actor, place: Place): void {
  if (actorDomainId === undefined) throw couldNotFind(actor.kind, actor.id);
  if (place.kind !== 'system' && placeDomainId === undefined) throw couldNotFind(place.kind, place.id);
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

function rulesOf(actor: Actor, place: Place): { list: string; check: string; create: string; revoke: string } {
  const of = (verb: string, noun: string) => (place.kind === 'system' ? `identity:${verb}_system_${noun}_for_${actor.kind}` : `identity:${verb}_${noun}`);
  return { list: of('list', 'grants'), check: of('check', 'grant'), create: of('create', 'grant'), revoke: of('revoke', 'grant') };
}

function idOf(place: Place): string {
  return place.kind === 'system' ? 'system' : place.id;
}
