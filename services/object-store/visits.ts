/**
 * A caller at a place of the store: let in by the account's own project, by a container's access list, or not at all.
 *
 * This is the one door through which somebody comes to what is another project's. Whoever was let in gets transactions
 * in the scope of that one account, and the database holds every statement to it (docs/decisions/0002).
 */
import type { Access, Operation } from '../../contract/contract.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { servicePath, shortPath } from '../../contract/object-store/paths.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import type { Call, Judged, Whose } from '../../kit/http/implement.ts';
import { hasRight } from '../../kit/http/right.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { isReferrerAllowed, namesCaller, readAccessList } from './access-lists.ts';
import type { AccountContext, Headers } from './accounts.ts';
import { noSuchContainer, type Container } from './containers.ts';
import { headerOf, type IncomingHeaders } from './header-text.ts';
import { noSuchObject, type StoredObject } from './objects.ts';
import { countingIn } from './public-access.ts';
import { selectSurroundings, selectSurroundingsOfObject, type Surroundings } from './surroundings.store.ts';
import { isTempUrl, ofTempUrl, verifiedTempUrl, type Signed } from './temp-urls.ts';

/** What the handlers of all nouns get, as far as it is needed here. */
export type StoreRequest = Call &
  Judged & {
    readonly params: Readonly<Record<string, string>>;
    readonly query: Readonly<Record<string, unknown>>;
    readonly otherQuery: Readonly<Record<string, string | string[]>>;
    readonly headers: IncomingHeaders;
    readonly base: string;
    readonly remoteAddress: string;
    readonly signal: AbortSignal;
    url(path: string): string;
    read<T>(work: (tx: Transaction) => Promise<T>, whose?: Whose): Promise<T>;
    commit<T>(work: (tx: Transaction) => Promise<T>, whose?: Whose): Promise<T>;
  };

/** By which of a container's lists a stranger may come in. */
export type List = 'read' | 'write';

export type Place = { account: string; container?: string | undefined; object?: string | undefined };

export type Visit = {
  readonly projectId: string;
  readonly account: Headers | undefined;
  readonly container: Container | undefined;
  /** Of the account's own project, with the right to change it: sees keys and access lists. */
  readonly isOwner: boolean;
  /** Runs whole accounts of others. */
  readonly isReseller: boolean;
  /** He came by an address that somebody signed. */
  readonly signed: Signed | undefined;
  /** Whether he may do the same in another container of the account. */
  admits(container: Container, list: List): boolean;
  read<T>(work: (context: AccountContext) => Promise<T>): Promise<T>;
  commit<T>(work: (context: AccountContext) => Promise<T>): Promise<T>;
};

type Visited = { method: Operation['method']; access: Access };

export async function visit(request: StoreRequest, visited: Visited, place: Place, list?: List): Promise<Visit> {
  const projectId = projectIn(request, place);
  return admit(request, visited, place, list, { projectId, found: await request.read((tx) => selectSurroundings(tx, projectId, place.container), { projectId }) });
}

/** To an object that is to be shown, which is looked up on the way in; `toRead`: with what its bytes are. */
export async function visitObject(request: StoreRequest, visited: Visited, place: { account: string; container: string; object: string }, { version, toRead }: { version: string | undefined; toRead: boolean }): Promise<{ here: Visit; container: Container; object: StoredObject }> {
  const projectId = projectIn(request, place);
  const { object, ...found } = await request.read((tx) => selectSurroundingsOfObject(tx, projectId, { container: place.container, object: place.object, version, toRead, now: request.now }), { projectId });
  const here = admit(request, visited, place, 'read', { projectId, found });
  const container = containerOf(here);
  if (version !== undefined) demandOwner(request, here);
  if (!object || object.isMarker) throw noSuchObject();
  return { here, container, object };
}

function admit(request: StoreRequest, { method, access }: Visited, { account, container, object }: Place, list: List | undefined, { projectId, found }: { projectId: string; found: Surroundings }): Visit {
  const common = { ...transactionsOf(request, projectId), ...found };
  if (isTempUrl(textsOf(request))) {
    const wish = { method, account, container: container ?? '', object: object ?? '' };
    const keys = { account: found.account ?? {}, container: found.container?.headers ?? {} };
    const signed = verifiedTempUrl(textsOf(request), wish, { keys, now: request.now, address: request.remoteAddress, paths: [shortPath, servicePath] });
    if (!signed || container === undefined) throw tempUrlInvalid();
    return { ...common, isOwner: false, isReseller: false, signed, admits: (other) => signed.scope === 'account' || other.name === container };
  }
  const isReseller = isResellerAdmin(request.caller);
  const isOwner = isReseller || (request.caller.projectId === projectId && request.caller.roles.has('member'));
  const mayBeAt = (place: Container | undefined, by: List | undefined, isObject: boolean) => isReseller || mayCome(request, access, { projectId, account: found.account, container: place, isObject }, by);
  if (!mayBeAt(found.container, list, object !== undefined)) throw refusal(request.caller);
  if (found.isDeleted) throw deleted(method, container);
  return { ...common, isOwner, isReseller, signed: undefined, admits: (other, by) => mayBeAt(other, by, true) };
}

/** For who brings what the account or the container has signed; the caller of this looks at the signature. Undefined: there is no such account. */
export async function signedVisit(request: StoreRequest, place: Place & { container: string }): Promise<Visit | undefined> {
  const projectId = projectOf(place.account);
  const found = await lookAt(request, place);
  if (projectId === undefined || !found || found.isDeleted) return undefined;
  return { ...transactionsOf(request, projectId), ...found, isOwner: false, isReseller: false, signed: undefined, admits: ({ name }) => name === place.container };
}

function transactionsOf(request: StoreRequest, projectId: string): Pick<Visit, 'projectId' | 'read' | 'commit'> {
  const { caller, requestId, now, random } = request;
  const context = (tx: Transaction): AccountContext => ({ caller, requestId, now, random, tx, projectId });
  return { projectId, read: (work) => request.read((tx) => work(context(tx)), { projectId }), commit: (work) => request.commit((tx) => work(context(tx)), { projectId }) };
}

/** What a place says of itself to anybody: whoever asks by this must tell nothing else. */
export async function lookAt(request: StoreRequest, { account, container }: Place): Promise<Surroundings | undefined> {
  const projectId = projectOf(account);
  return projectId === undefined ? undefined : request.read((tx) => selectSurroundings(tx, projectId, container), { projectId });
}

/** The query, whether the contract names its parameters or not; of one that is given twice the last. Of an address that is signed only what makes it one. */
export function textsOf({ query, otherQuery }: Pick<StoreRequest, 'query' | 'otherQuery'>): Record<string, string | undefined> {
  const texts = Object.entries({ ...otherQuery, ...query }).map(([name, value]): [string, string | undefined] => [name, Array.isArray(value) ? String(value.at(-1)) : value === undefined ? undefined : String(value)]);
  const all = Object.fromEntries(texts);
  return isTempUrl(all) ? Object.fromEntries(texts.filter(([name]) => ofTempUrl.test(name))) : all;
}

/** Which version is asked for: `null` is what was written while the container kept none. */
export function versionIn({ 'version-id': version }: Readonly<Record<string, string | undefined>>): string | undefined {
  if (version !== undefined && !/^(null|[0-9a-f]{32})$/.test(version)) throw badRequest('Invalid version parameter');
  return version;
}

export function containerOf({ container }: Pick<Visit, 'container'>): Container {
  if (!container) throw noSuchContainer();
  return container;
}

/** Older versions are nobody's whom only an access list lets in: swift/common/middleware/versioned_writes/object_versioning.py. */
export function demandOwner({ caller }: Pick<StoreRequest, 'caller'>, { isOwner, signed }: Pick<Visit, 'isOwner' | 'signed'>): void {
  if (!isOwner && !signed) throw refusal(caller);
}

/** Anonymous callers are asked for a token; others are told that they may not. */
export function refusal(caller: Caller): Fault {
  const status = caller === nobody ? 401 : 403;
  return new Fault(status, status === 401 ? 'Unauthorized' : 'AccessDenied', explanationOf(status));
}

/** Until all of it is gone, nothing is made in it. swift/proxy/controllers/account.py */
function deleted(method: Operation['method'], container: string | undefined): Fault {
  if (container !== undefined || method === 'DELETE' || method === 'POST') return noSuchContainer();
  if (method === 'PUT') return new Fault(403, 'AccessDenied', 'Recently deleted', { headers: { 'x-account-status': 'Deleted' } });
  return new Fault(410, 'Gone', explanationOf(410), { headers: { 'x-account-status': 'Deleted' } });
}

function projectIn({ caller }: StoreRequest, { account }: Place): string {
  const projectId = projectOf(account);
  if (projectId === undefined) throw refusal(caller);
  return projectId;
}

/** `AUTH_<project id>` */
export function projectOf(account: string): string | undefined {
  return /^AUTH_([\w.-]{1,64})$/.exec(account)?.[1];
}

type Asked = { projectId: string; account: Headers | undefined; container: Container | undefined; isObject: boolean };

/** swift/common/middleware/keystoneauth.py, authorize and authorize_anonymous. */
function mayCome({ caller, headers, policy }: StoreRequest, access: Access, { projectId, account, container, isObject }: Asked, list: List | undefined): boolean {
  const listed = countingIn(readAccessList(list === undefined ? undefined : container?.headers[`x-container-${list}`]), container);
  if (isReferrerAllowed(headerOf(headers, 'referer'), listed) && (isObject || listed.groups.includes('.rlistings'))) return true;
  if (caller === nobody) return access.who === 'anyone';
  if (namesCaller(listed, caller, { byName: mayUseNames(caller, projectId, account) })) return true;
  if (caller.projectId !== projectId) return access.who === 'anyone';
  return hasRight(access, caller, policy) || [...caller.roles].some((role) => listed.groups.some((group) => group.toLowerCase() === role.toLowerCase()));
}

/** Names are unique in a domain only: they count where all are of the default one. */
function mayUseNames({ userDomainId, projectDomainId, projectId }: Caller, owner: string, account: Headers | undefined): boolean {
  if (userDomainId !== 'default' || (projectDomainId ?? 'default') !== 'default') return false;
  return projectId === owner || (account?.['x-account-project-domain-id'] ?? 'default') === 'default';
}

function isResellerAdmin(caller: Caller): boolean {
  return caller.isAdmin || [...caller.roles].some((role) => role.toLowerCase() === 'reselleradmin');
}

export const tempUrlInvalid = () => new Fault(401, 'Unauthorized', '401 Unauthorized: Temp URL invalid\n');
