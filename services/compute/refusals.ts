/** What other services refuse, in Nova's words. */
import { badRequest, Fault, forbidden } from '../../kit/fault.ts';
import { OverQuota } from '../quota/quotas.ts';

/** What the body names and is not there is the request's mistake: nova/api/openstack/compute/servers.py, create */
export function asBadRequest(error: unknown): never {
  throw error instanceof Fault && error.status === 404 ? badRequest(error.message) : error;
}

export function asNetworkFault(error: unknown): never {
  if (error instanceof Fault && error.code === 'OverQuota') throw tooManyPorts();
  return asBadRequest(error);
}

/** nova/exception.py, PortLimitExceeded */
export function tooManyPorts(): Fault {
  return forbidden('Maximum number of ports exceeded');
}

export function asQuotaFault(error: unknown): never {
  throw error instanceof OverQuota ? overQuota(error) : error;
}

/** nova/exception.py, TooManyInstances */
export function overQuota({ resource, wanted, used, limit }: OverQuota): Fault {
  const name = resource.split('.')[1];
  return forbidden(`Quota exceeded for ${name}: Requested ${wanted}, but already used ${used} of ${limit} ${name}`);
}
