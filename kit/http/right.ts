/** Whether a caller may use an operation at all; whose object it is comes later, in the rules and the database. */
import type { Access, Who } from '../../contract/contract.ts';
import type { Scope } from '../postgres/database.ts';
import { forbidden, unauthorized } from '../fault.ts';
import { nobody, type Caller } from './caller.ts';

const allowed: Record<Who, (caller: Caller) => boolean> = {
  anyone: () => true,
  user: () => true,
  reader: (caller) => caller.isAdmin || (caller.projectId !== null && caller.roles.has('reader')),
  member: (caller) => caller.isAdmin || (caller.projectId !== null && caller.roles.has('member')),
  manager: (caller) => caller.isAdmin || caller.roles.has('manager'),
  admin: (caller) => caller.isAdmin,
  service: (caller) => caller.isAdmin || caller.roles.has('service'),
};

/** Refuses with 401 or 403. */
export function demandRight(access: Access, caller: Caller): void {
  if (access.who === 'anyone') return;
  if (caller === nobody) throw unauthorized('The request you have made requires authentication.');
  if (!allowed[access.who](caller)) throw forbidden(`Policy doesn't allow ${access.rule} to be performed.`);
}

/** Which rows the call may touch; the database holds every statement of it to that. */
export function scopeOf(access: Access, caller: Caller): Scope {
  if (access.who === 'admin' || access.who === 'anyone' || access.who === 'service' || (access.adminEverywhere === true && caller.isAdmin)) return { kind: 'system', reason: access.rule };
  // A token without a project owns nothing: no row carries this id.
  return { kind: 'project', projectId: caller.projectId ?? '-' };
}
