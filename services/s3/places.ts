/** Where a request is about, and who may come there: by his project's rights, the bucket's lists, its policy, or the object's own grants. */
import type { Operation } from '../../contract/contract.ts';
import { Fault } from '../../kit/fault.ts';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import { noSuchContainer, type Container } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { findObject } from '../object-store/objects.ts';
import { decoded } from '../object-store/paths.ts';
import { publicAccessOf } from '../object-store/public-access.ts';
import { signedVisit, textsOf, visit, type List, type StoreRequest, type Visit } from '../object-store/visits.ts';
import { grantsOfObject, isGranted, type Permission } from './grants.ts';
import { allowsByPolicy, asksForTags, everyKey, isPublic, policyOf, type Action } from './policies.ts';
import { tagIn, type Saying } from './policy-conditions.ts';
import { countingGrants } from './public-access.ts';
import { refused } from './refusals.ts';
import { tagsOf, tagsOfHeader, type Tags } from './tags.ts';

export type Place = { projectId: string; account: string; container: string };

/** As a rule others may be let in by the bucket's lists; what is the owner's alone has none. */
export type Wish = {
  operation: Pick<Operation, 'method' | 'access'>;
  list?: List;
  /** By what name a policy lets others do it. */
  action?: Action;
  key?: string | typeof everyKey | undefined;
  /** Of the object, where it is not the query that says it. */
  version?: string | undefined;
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
export async function enter(request: StoreRequest, bucket: string, wish: Wish): Promise<Here> {
  const { operation, list, action, permission } = wish;
  const key = wish.key === everyKey ? undefined : wish.key;
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
      if (other?.container && ((await isAllowedBy(other, other.container)) || (await isGrantedBy(other, other.container)))) return { ...other, admits: ({ name }) => name === place.container };
      throw refused('AccessDenied', undefined, { cause: error });
    }
  }

  async function isAllowedBy(there: Visit, container: Container): Promise<boolean> {
    const policy = policyOf(container);
    if (action === undefined || policy === undefined) return false;
    if (publicAccessOf(container)?.restrictPublicBuckets && isPublic(policy) && request.caller.projectId !== place.projectId) return false;
    const version = 'version' in wish ? wish.version : textsOf(request)['versionId'];
    const object = key === undefined || !asksForTags(policy) ? undefined : await there.read((context) => findObject(context, container, key, version));
    return allowsByPolicy(policy, { action, key: wish.key, caller: request.caller, address: request.remoteAddress, saying: sayingOf(request, { action, tags: wish.key === everyKey ? null : object && tagsOf(object) }) });
  }

  async function isGrantedBy(there: Visit, container: Container): Promise<boolean> {
    if (permission === undefined || key === undefined) return false;
    const object = await there.read((context) => findObject(context, container, key));
    return object !== undefined && isGranted(countingGrants(container, grantsOfObject(object)), permission, request.caller);
  }
}

/** For what only the bucket's own project may do. */
export async function enterAsOwner(request: StoreRequest, bucket: string, operation: Wish['operation']): Promise<Here> {
  const here = await enter(request, bucket, { operation });
  const { caller } = request;
  if (caller === nobody || (caller.projectId !== here.projectId && !here.isReseller)) throw refused('AccessDenied');
  return here;
}

/** What a request says of what policies compare. */
function sayingOf(request: StoreRequest, { action, tags }: { action: Action; /** Of the object that is there; null: of each another. */ tags: Tags | null | undefined }): Saying {
  const { headers, caller, now, base } = request;
  const query = textsOf(request);
  const own: Readonly<Record<string, () => string | null | undefined>> = {
    'aws:referer': () => headerOf(headers, 'referer'),
    'aws:useragent': () => headerOf(headers, 'user-agent'),
    'aws:securetransport': () => String(base.startsWith('https:')),
    'aws:currenttime': () => now.toISOString(),
    'aws:epochtime': () => String(Math.floor(now.getTime() / 1_000)),
    'aws:userid': () => (caller === nobody ? undefined : caller.userId),
    'aws:principalaccount': () => caller.projectId ?? undefined,
    's3:versionid': () => query['versionId'],
    's3:x-amz-copy-source': () => headerOf(headers, 'x-amz-copy-source')?.split('?versionId=').slice(0, 1).map((path) => decoded(path).replace(/^\//, '')).at(0),
  };
  return (name) => {
    const [existing, wished] = [tagIn(name, 'existing'), tagIn(name, 'request')];
    if (existing !== undefined) return tags && Object.hasOwn(tags, existing) ? tags[existing] : tags === null ? null : undefined;
    if (wished !== undefined) {
      // Otherwise they come with the body, which is not read before it is known who brings it.
      if (action !== 's3:PutObject') return null;
      const asked = tagsOfHeader(headerOf(headers, 'x-amz-tagging') ?? '');
      return Object.hasOwn(asked, wished) ? asked[wished] : undefined;
    }
    const plain = name.slice('s3:'.length);
    return own[name] ? own[name]() : plain.startsWith('x-amz-') ? headerOf(headers, plain) : query[plain];
  };
}

function withoutTempUrl(request: StoreRequest): StoreRequest {
  return 'temp_url_sig' in request.otherQuery ? { ...request, otherQuery: {} } : request;
}
