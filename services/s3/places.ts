/** Where a request is about, and who may come there: by his project's rights, the bucket's lists, its policy, or the object's own grants. */
import type { Operation } from '../../contract/contract.ts';
import { Fault } from '../../kit/fault.ts';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import { noSuchContainer, type Container } from '../object-store/containers.ts';
import { findObject } from '../object-store/objects.ts';
import { signedVisit, visit, type List, type StoreRequest, type Visit } from '../object-store/visits.ts';
import { grantsOfObject, isGranted, type Permission } from './grants.ts';
import { allowsByPolicy, policyOf, type Action } from './policies.ts';
import { refused } from './refusals.ts';

export type Place = { projectId: string; account: string; container: string };

/** As a rule others may be let in by the bucket's lists; what is the owner's alone has none. */
export type Wish = {
  operation: Pick<Operation, 'method' | 'access'>;
  list?: List;
  /** By what name a policy lets others do it. */
  action?: Action;
  key?: string | undefined;
  /** What the object's own grants must say. */
  permission?: Permission;
};

export type Here = Visit & { readonly container: Container; readonly bucket: string };

/** Of one's own project, or `<project id>:<name>` of any. */
export function placeOf(bucket: string, caller: Caller): Place {
  const [, project, name] = /^(?:AUTH_)?([\w.-]{1,64}):(.+)$/.exec(bucket) ?? [];
  const projectId = project ?? caller.projectId;
  // Whose bucket it is, nobody knows of a name alone.
  if (projectId === null || projectId === undefined) throw refused('AccessDenied');
  const container = name ?? bucket;
  if (Buffer.byteLength(container) > 256 || container.includes('/')) throw refused('InvalidBucketName');
  return { projectId, account: `AUTH_${projectId}`, container };
}

/** The bucket, for somebody who may. */
export async function enter(request: StoreRequest, bucket: string, { operation, list, action, key, permission }: Wish): Promise<Here> {
  const place = placeOf(bucket, request.caller);
  const found = await allowed();
  if (!found.container) throw noSuchContainer();
  return { ...found, container: found.container, bucket };

  async function allowed(): Promise<Visit> {
    try {
      // A token that is not valid for the place is no reason to look at the signature of an address.
      return await visit(withoutTempUrl(request), operation, { ...place, object: key }, list);
    } catch (error) {
      if (!(error instanceof Fault) || (error.status !== 401 && error.status !== 403)) throw error;
      const other = await signedVisit(request, { ...place, object: key });
      if (other?.container && ((action !== undefined && allowsByPolicy(policyOf(other.container), { action, key, caller: request.caller, address: request.remoteAddress })) || (await isGrantedBy(other, other.container)))) return { ...other, admits: ({ name }) => name === place.container };
      throw refused('AccessDenied', undefined, { cause: error });
    }
  }

  async function isGrantedBy(there: Visit, container: Container): Promise<boolean> {
    if (permission === undefined || key === undefined) return false;
    const object = await there.read((context) => findObject(context, container, key));
    return object !== undefined && isGranted(grantsOfObject(object), permission, request.caller);
  }
}

/** For what only the bucket's own project may do. */
export async function enterAsOwner(request: StoreRequest, bucket: string, operation: Wish['operation']): Promise<Here> {
  const here = await enter(request, bucket, { operation });
  const { caller } = request;
  if (caller === nobody || (caller.projectId !== here.projectId && !here.isReseller)) throw refused('AccessDenied');
  return here;
}

function withoutTempUrl(request: StoreRequest): StoreRequest {
  return 'temp_url_sig' in request.otherQuery ? { ...request, otherQuery: {} } : request;
}
