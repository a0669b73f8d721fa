/** What other services refuse, in Nova's words. */
import { badRequest, Fault, forbidden } from '../../kit/fault.ts';
import { OverQuota } from '../quota/quotas.ts';

/** What the body names and is not there is the request's mistake: nova/api/openstack/compute/servers.py, create */
export function asBadRequest(error: unknown): never {
  throw error instanceof Fault && error.status === 404 ? badRequest(error.message) : error;
}

export function asNetworkFault(error: unknown): never {
  if (error instanceof Fault && error.code === 'OverQuota') throw forbidden('Maximum number of ports exceeded');
  return asBadRequest(error);
}

/** nova/exception.py, TooManyInstances */
export function asQuotaFault(error: unknown): never {
  if (!(error instanceof OverQuota)) throw error;
  const name = error.resource.split('.')[1];
  throw forbidden(`Quota exceeded for ${name}: Requested ${error.wanted}, but already used ${error.used} of ${error.limit} ${name}`);
}
