/** Whether a caller may use an operation at all; whose object it is comes later, in the rules and the database. */
import type { Access, Who } from '../../contract/contract.ts';
import type { Scope } from '../postgres/database.ts';
import { unauthorized } from '../fault.ts';
import { denied, type Policy } from '../policy/policy.ts';
import { nobody, type Caller } from './caller.ts';

const allowed: Record<Who, (caller: Caller) => boolean> = {
  anyone: () => true,
  user: () => true,
  reader: (caller) => caller.isAdmin || (caller.projectId !== null && caller.roles.has('reader')),
  member: (caller) => caller.isAdmin || (caller.projectId !== null && caller.roles.has('member')),
  manager: (caller) => caller.isAdmin || caller.roles.has('manager'),
  renter: (caller) => caller.isAdmin || (caller.projectId !== null && caller.roles.has('renter')),
  admin: (caller) => caller.isAdmin,
  service: (caller) => caller.isAdmin || caller.roles.has('service'),
};

/** Refuses with 401 or 403. What the operator says comes before what the contract says. */
export function demandRight(access: Access, caller: Caller, { policy, params }: { policy: Policy; params: Readonly<Record<string, string>> }): void {
  if (access.who === 'anyone' || access.grantable === true) return;
  if (caller === nobody) throw unauthorized('The request you have made requires authentication.');
  if (access.judged !== true) policy.demandScope(access.rule, caller);
  if (!policy.isOverridden(access.rule)) {
    if (!allowed[access.who](caller)) throw denied(access.rule, `the role ${access.who}`);
  } else if (access.judged !== true) policy.demand(access.rule, caller, ownThings(caller, params));
}

/** Whether the contract, or the operator in its place, lets this caller of the owner's project do it. */
export function hasRight(access: Access, caller: Caller, policy: Policy): boolean {
  if (caller === nobody) return access.who === 'anyone';
  return policy.isOverridden(access.rule) ? policy.allows(access.rule, caller, ownThings(caller, {})) : allowed[access.who](caller);
}

/** What a caller reaches is of his own project, unless an administrator: the database sees to that. */
function ownThings({ projectId, userId, domainId }: Caller, params: Readonly<Record<string, string>>): Record<string, unknown> {
  return { ...params, project_id: projectId, tenant_id: projectId, user_id: userId, domain_id: domainId };
}

/** Which rows the call may touch; the database holds every statement of it to that. */
export function scopeOf(access: Access, caller: Caller): Scope {
  if (access.who === 'admin' || access.who === 'anyone' || access.who === 'service' || (access.adminEverywhere === true && caller.isAdmin)) return { kind: 'system', reason: access.rule };
  // A token without a project owns nothing: no row carries this id.
  return { kind: 'project', projectId: caller.projectId ?? '-' };
}
