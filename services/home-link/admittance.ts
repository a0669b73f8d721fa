/** Who may use a place at all: partners sell some regions and not others, and what is not sold to somebody is closed to him. */
import { Fault } from '../../kit/fault.ts';
import type { Caller } from '../../kit/http/caller.ts';

/** The domain whose offer counts for a caller; undefined for whoever runs the cloud, who is at home everywhere. */
export function customerOf({ isAdmin, system, roles, projectDomainId, domainId, userDomainId }: Caller): string | undefined {
  if (isAdmin || system || roles.has('service')) return undefined;
  return projectDomainId ?? domainId ?? (userDomainId === '' ? undefined : userDomainId);
}

/** The same of every place that is not offered. */
export function notOffered(): Fault {
  return new Fault(403, 'forbidden', 'This region is not one of those that you are offered: the catalog of your token has them.');
}
