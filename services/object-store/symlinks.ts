/** Objects that stand for another one: swift/common/middleware/symlink.py. */
import { symlinkLimits } from '../../contract/object-store/capabilities.ts';
import { objects as contract } from '../../contract/object-store/objects.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { getContainer } from './containers.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { getObject, type StoredObject } from './objects.ts';
import { decoded, splitPath } from './paths.ts';
import { containerOf, projectOf, textsOf, visit, type StoreRequest, type Visit } from './visits.ts';

export type Target = { account: string; container: string; object: string; etag: string | null };

type ObjectPlace = { account: string; container: string; object: string };

/** What the request wishes to point at; undefined: it makes no symlink. */
export function wishedTarget(headers: IncomingHeaders, place: ObjectPlace): Target | undefined {
  const given = headerOf(headers, 'x-symlink-target');
  if (given === undefined || given === '') {
    if (headerOf(headers, 'x-symlink-target-account') !== undefined || headerOf(headers, 'x-symlink-target-etag') !== undefined) throw badRequest('X-Symlink-Target required with X-Symlink-Target-Account or X-Symlink-Target-Etag');
    return undefined;
  }
  const path = splitPath(decoded(given));
  if (given.startsWith('/') || path.container === '' || path.object === '') throw new Fault(412, 'PreconditionFailed', 'X-Symlink-Target header must be of the form <container name>/<object name>');
  const account = decoded(headerOf(headers, 'x-symlink-target-account') ?? place.account);
  if (account === '' || account.includes('/')) throw new Fault(412, 'PreconditionFailed', 'Account name cannot contain slashes');
  if (account === place.account && path.container === place.container && path.object === place.object) throw badRequest('Symlink cannot target itself');
  if (headerOf(headers, 'content-length') !== undefined && headerOf(headers, 'content-length') !== '0') throw badRequest('Symlink requests require a zero byte body');
  return { account, ...path, etag: headerOf(headers, 'x-symlink-target-etag')?.replaceAll('"', '') ?? null };
}

/** For one that is to stay what it is: the target must be there, and be that. */
export async function demandTarget(request: StoreRequest, target: Target): Promise<StoredObject | undefined> {
  if (target.etag === null) return undefined;
  const object = await targetAt(request, target);
  if (etagOf(object) !== target.etag) throw new Fault(409, 'Conflict', `Object Etag '${etagOf(object)}' does not match X-Symlink-Target-Etag header '${target.etag}'`);
  return object;
}

/** Through links that are to stay what they are; one that may change is itself what is meant. */
async function targetAt(request: StoreRequest, place: ObjectPlace): Promise<StoredObject> {
  let next: ObjectPlace = place;
  for (let level = 0; level <= symlinkLimits.symloop_max; level++) {
    const here = next;
    const there = await visit(request, contract.head, here, 'read');
    const object = await there.read((context) => getObject(context, containerOf(there), here.object)).catch((error: unknown) => {
      if (error instanceof Fault && error.status === 404) throw new Fault(409, 'Conflict', 'X-Symlink-Target does not exist', { cause: error });
      throw error;
    });
    if (object.kind !== 'symlink' || targetOf(object).etag === null) return object;
    next = targetOf(object);
  }
  throw tooManyLinks();
}

/** Of what is kept: a manifest's own, and not that of what it stands for. */
function etagOf({ kind, etag, facts }: StoredObject): string {
  return kind === 'slo' ? String(facts['manifestMd5']) : etag;
}

export type Followed = { here: Visit; object: StoredObject; location: string | undefined };

/** The object at the end of the way, with the right to read it; as it is, where the request wishes the link itself. */
export async function follow(request: StoreRequest, here: Visit, object: StoredObject): Promise<Followed> {
  let followed: Followed = { here, object, location: undefined };
  if (textsOf(request)['symlink'] === 'get') return followed;
  for (let level = 0; followed.object.kind === 'symlink'; level++) {
    if (level >= symlinkLimits.symloop_max) throw tooManyLinks();
    const target = targetOf(followed.object);
    // Whoever has a signed address has it for the account or container whose key it was.
    const isNear = here.signed !== undefined && projectOf(target.account) === here.projectId;
    const there = isNear ? await near(here, target) : await visit(request, contract.get, target, 'read');
    const location = pathOfTarget(request, target);
    const found = await there.read((context) => getObject(context, containerOf(there), target.object)).catch((error: unknown) => {
      if (error instanceof Fault && error.status === 404) throw new Fault(404, error.code, error.message, { headers: { 'content-location': location }, cause: error });
      throw error;
    });
    // One that is to stay what it is says the same of what comes behind it.
    const isPassed = found.kind === 'symlink' && targetOf(found).etag !== null;
    if (target.etag !== null && !isPassed && etagOf(found) !== target.etag) throw new Fault(409, 'Conflict', explanationOf(409), { headers: { 'content-location': location } });
    followed = { here: there, object: found, location };
  }
  return followed;
}

async function near(here: Visit, { container }: Target): Promise<Visit> {
  const found = await here.read((context) => getContainer(context, container));
  if (!here.admits(found, 'read')) throw new Fault(401, 'Unauthorized', explanationOf(401));
  return { ...here, container: found };
}

/** Where it is, below the path by which the service was asked. */
export function pathOfTarget({ url, base }: Pick<StoreRequest, 'url' | 'base'>, { account, container, object }: ObjectPlace): string {
  return url(`/${account}/${encodeURI(`${container}/${object}`)}`).slice(base.length);
}

export function targetOf({ facts }: StoredObject): Target {
  return facts['target'] as Target;
}

function tooManyLinks(): Fault {
  return new Fault(409, 'Conflict', `Too many levels of symbolic links, maximum allowed is ${symlinkLimits.symloop_max}`);
}

export function linkHeaders(object: StoredObject): Record<string, string> {
  if (object.kind !== 'symlink') return {};
  const { account, container, object: name, etag } = targetOf(object);
  return { 'x-symlink-target': encodeURI(`${container}/${name}`), 'x-symlink-target-account': account, ...(etag === null ? {} : { 'x-symlink-target-etag': etag }) };
}
