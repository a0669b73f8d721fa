/** Consumers, and what users let them do. keystone/oauth1, keystone/api/os_oauth1.py; RFC 5849 */
import { forbidden, notFound, unauthorized } from '../../kit/fault.ts';
import type { Random } from '../../kit/clock.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { demand, type Context } from './access.ts';
import type { AuthenticationParts } from './authentication.ts';
import { demandWithin, type Wish } from './delegation.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { isFresh, isSignedBy, nonceOf, oauthParameters, signatureLivesMs, type SignedRequest } from './oauth1-signature.ts';
import {
  authorizeRequestToken,
  deleteAccessToken as removeAccessToken,
  deleteConsumer as removeConsumer,
  deleteRequestToken,
  findAccessToken,
  findAccessTokenSecret,
  findConsumer,
  findConsumerSecret,
  findRequestToken,
  insertAccessToken,
  insertConsumer,
  insertRequestToken,
  listAccessTokens as selectAccessTokens,
  listConsumers as selectConsumers,
  lockConsumer,
  updateConsumer as storeConsumer,
  type AccessToken,
  type Consumer,
} from './oauth1.store.ts';
import { rowsFor, type PageQuery } from './pages.ts';
import { findProject } from './projects.store.ts';
import { couldNotFind, invalid } from './refusals.ts';
import { rightsOfAccessToken, rightsOfToken } from './rights.ts';
import { listRolesById, listRolesWithImplied, type Role } from './roles.store.ts';
import type { Proof } from './scoping.ts';
import { takeSignature } from './signatures.store.ts';
import type { Claims } from './token-format.ts';
import type { Vault } from './vault.ts';

export type { SignedRequest } from './oauth1-signature.ts';
export type { AccessToken, Consumer } from './oauth1.store.ts';

/** keystone.conf, [oauth1] */
const requestTokenLivesMs = 28_800_000;
const accessTokenLivesMs = 86_400_000;
// keystone/oauth1/backends/base.py, VERIFIER_CHARS
const verifierLetters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const consumerNotFound = () => notFound('Consumer not found', 'NotFound');
const requestTokenNotFound = () => notFound('Request token not found', 'NotFound');
const accessTokenNotFound = () => notFound('Access token not found', 'NotFound');
const invalidSignature = () => unauthorized('Invalid signature', 'Unauthorized');
const missing = (name: string) => invalid(`Expecting to find ${name} in request. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`);

export async function listConsumers(context: Context, query: PageQuery): Promise<Consumer[]> {
  demand(context, 'identity:list_consumers');
  return selectConsumers(context.tx, query.marker, rowsFor(query));
}

export async function getConsumer(context: Context, id: string): Promise<Consumer> {
  demand(context, 'identity:get_consumer');
  const consumer = await findConsumer(context.tx, id);
  if (!consumer) throw consumerNotFound();
  return consumer;
}

export async function createConsumer({ tx, random }: Context, vault: Vault, wish: Pick<Consumer, 'description' | 'extra'>): Promise<Consumer & { secret: string }> {
  const [id, secret] = [newSecret(random), newSecret(random)];
  const consumer = { ...wish, id };
  await insertConsumer(tx, consumer, await vault.seal(tx, 'consumer', id, secret));
  return { ...consumer, secret };
}

export async function updateConsumer({ tx }: Context, id: string, change: Partial<Pick<Consumer, 'description' | 'extra'>>): Promise<Consumer> {
  const before = await lockConsumer(tx, id);
  if (!before) throw consumerNotFound();
  const after = { ...before, ...change, extra: { ...before.extra, ...change.extra } };
  await storeConsumer(tx, after);
  return after;
}

export async function deleteConsumer({ tx }: Context, id: string): Promise<void> {
  if (!(await lockConsumer(tx, id))) throw consumerNotFound();
  await removeConsumer(tx, id);
}

export type Given = { id: string; secret: string; expiresAt: Date };
/** Keeps what is given, and says what is answered. */
export type Commit<R> = (work: (tx: Transaction) => Promise<Given>) => Promise<R>;
type SignedParts = Pick<AuthenticationParts, 'vault' | 'read' | 'write' | 'now' | 'request'>;

export async function createRequestToken<R>(parts: SignedParts & { random: Random }, projectId: string | undefined, commit: Commit<R>): Promise<R> {
  const parameters = demandParameters(parts.request, ['oauth_consumer_key']);
  const { oauth_consumer_key: consumerId = '' } = parameters;
  if (projectId === undefined) throw missing('Requested-Project-Id');
  const secret = await parts.read(async (tx) => {
    if (!(await findProject(tx, projectId))) throw couldNotFind('project', projectId);
    return consumerSecret(tx, parts.vault, consumerId);
  });
  await demandSigned(parts, parameters, { consumer: secret, token: '' });
  return commit(async (tx) => {
    const token = { id: newSecret(parts.random), secret: newSecret(parts.random), expiresAt: new Date(parts.now.getTime() + requestTokenLivesMs) };
    await insertRequestToken(tx, { id: token.id, consumerId, projectId, expiresAt: token.expiresAt }, await parts.vault.seal(tx, 'request_token', token.id, token.secret));
    return token;
  });
}

/** The user says which of their roles the consumer may have in the project that it asked for. */
export async function authorize(context: Context, claims: Claims, id: string, wanted: readonly { id?: string; name?: string }[]): Promise<string> {
  const { tx, caller, now, random } = context;
  demand(context, 'identity:authorize_request_token');
  const rights = await rightsOfToken(tx, claims);
  const isOwn = rights.place === 'anywhere' || (rights.place !== 'nowhere' && rights.place.kind === 'system');
  if (!isOwn || !rights.mints.includes('access token')) throw forbidden('Cannot authorize a request token with a token issued via delegation.', 'Forbidden');
  const token = await findRequestToken(tx, id);
  if (!token) throw requestTokenNotFound();
  if (token.expiresAt !== null && now > token.expiresAt) throw unauthorized('Request token is expired', 'Unauthorized');
  const held = await listEffectiveRoles(tx, caller.userId, { kind: 'project', id: token.projectId });
  const roles = wanted.map((each) => {
    const role = held.find((one) => (each.id === undefined ? one.name === each.name : one.id === each.id));
    if (!role) throw unauthorized('authorizing user does not have role required', 'Unauthorized');
    return role;
  });
  const roleIds = [...new Set(roles.map((role) => role.id))];
  const numbers = new Set((await listRolesWithImplied(tx, roleIds)).map(({ number }) => number));
  const given: AccessToken = { id, consumerId: token.consumerId, projectId: token.projectId, userId: caller.userId, roleIds, expiresAt: null };
  const wish: Wish = { ...rightsOfAccessToken(given, numbers), kind: 'access token' };
  demandWithin(wish, rights, (excess) => forbidden(`Cannot authorize more than the token gives (${excess}).`, 'Forbidden'));
  const verifier = Array.from(random.bytes(8), (byte) => verifierLetters[byte % verifierLetters.length]).join('');
  await authorizeRequestToken(tx, id, { userId: caller.userId, verifier, roleIds });
  return verifier;
}

export async function createAccessToken<R>(parts: SignedParts & { random: Random }, commit: Commit<R>): Promise<R> {
  const { vault, read, now, random } = parts;
  const parameters = demandParameters(parts.request, ['oauth_consumer_key', 'oauth_token', 'oauth_verifier']);
  const { oauth_consumer_key: consumerId = '', oauth_token: requestId = '', oauth_verifier: verifier } = parameters;
  const { asked, secrets } = await read(async (tx) => {
    const asked = await findRequestToken(tx, requestId);
    if (!asked) throw requestTokenNotFound();
    if (asked.consumerId !== consumerId) throw unauthorized('Provided consumer key does not match stored consumer key.', 'Unauthorized');
    return { asked, secrets: { consumer: await consumerSecret(tx, vault, consumerId), token: await vault.open(tx, 'request_token', requestId, asked.sealed) } };
  });
  if (asked.expiresAt !== null && now > asked.expiresAt) throw unauthorized('Request token is expired', 'Unauthorized');
  await demandSigned(parts, parameters, secrets);
  const { userId } = asked;
  if (userId === null || asked.verifier === null) throw unauthorized('Request Token does not have an authorizing user id.', 'Unauthorized');
  if (asked.verifier !== verifier) throw unauthorized('Provided verifier does not match stored verifier', 'Unauthorized');
  return commit(async (tx) => {
    // It is used up: whoever comes second finds none.
    if (!(await deleteRequestToken(tx, requestId))) throw requestTokenNotFound();
    const token = { id: newSecret(random), secret: newSecret(random), expiresAt: new Date(now.getTime() + accessTokenLivesMs) };
    await insertAccessToken(tx, { id: token.id, consumerId, projectId: asked.projectId, userId, roleIds: asked.roleIds, expiresAt: token.expiresAt }, await vault.seal(tx, 'access_token', token.id, token.secret));
    return token;
  });
}

/** A request for a token, signed by the consumer for the user. keystone/auth/plugins/oauth1.py */
export async function proveAccess(parts: AuthenticationParts, _part: object): Promise<Proof> {
  const { vault, read, now } = parts;
  const parameters = demandParameters(parts.request, ['oauth_token']);
  const { oauth_consumer_key: consumerId = '', oauth_token: id = '' } = parameters;
  const { token, secrets } = await read(async (tx) => {
    const [token, sealed] = [await findAccessToken(tx, id), await findAccessTokenSecret(tx, id)];
    if (!token || !sealed || token.consumerId !== consumerId) throw unauthorized('Could not validate the access token', 'Unauthorized');
    return { token, secrets: { consumer: await consumerSecret(tx, vault, consumerId), token: await vault.open(tx, 'access_token', id, sealed) } };
  });
  if (token.expiresAt !== null && now > token.expiresAt) throw unauthorized('Access token is expired', 'Unauthorized');
  await demandSigned(parts, parameters, secrets);
  return { userId: token.userId, methods: ['oauth1'], accessTokenId: id, ...(token.expiresAt === null ? {} : { expiresAt: token.expiresAt }) };
}

export async function listAccessTokens(context: Context, claims: Claims, userId: string, query: PageQuery): Promise<AccessToken[]> {
  demand(context, 'identity:list_access_tokens', { user_id: userId });
  demandOwnName(claims);
  return selectAccessTokens(context.tx, userId, query.marker, rowsFor(query));
}

export async function getAccessToken(context: Context, claims: Claims, userId: string, id: string, rule = 'identity:get_access_token'): Promise<AccessToken> {
  demand(context, rule, { user_id: userId });
  demandOwnName(claims);
  const token = await findAccessToken(context.tx, id);
  if (token?.userId !== userId) throw accessTokenNotFound();
  return token;
}

export async function deleteAccessToken(context: Context, claims: Claims, userId: string, id: string): Promise<void> {
  await getAccessToken(context, claims, userId, id, 'identity:delete_access_token');
  await removeAccessToken(context.tx, id);
}

export function rolesOfAccessToken(tx: Transaction, { roleIds }: AccessToken): Promise<Role[]> {
  return listRolesById(tx, roleIds);
}

// keystone/api/users.py, _block_delegated_token
function demandOwnName({ trustId, accessTokenId, applicationCredential }: Claims): void {
  if (trustId !== undefined || accessTokenId !== undefined || applicationCredential) throw forbidden('Cannot manage OAuth access tokens with a token issued via delegation.', 'Forbidden');
}

function demandParameters(request: SignedRequest, needed: readonly string[]): Record<string, string> {
  const parameters = oauthParameters(request.authorization === '' ? undefined : request.authorization);
  // keystone/exception.py, OAuthHeadersMissingError
  if (!parameters) throw unauthorized('Error during authentication: the Authorization header of OAuth is missing.', 'Unauthorized');
  for (const name of needed) if ((parameters[name] ?? '') === '') throw missing(name);
  return parameters;
}

async function demandSigned({ request, now, write }: SignedParts, parameters: Record<string, string>, secrets: { consumer: string; token: string }): Promise<void> {
  if (!isFresh(parameters, now) || !isSignedBy(request, secrets)) throw invalidSignature();
  // RFC 5849, section 3.3: a nonce is used once; keystone does not look.
  if (!(await write((tx) => takeSignature(tx, nonceOf(parameters), new Date(now.getTime() + 2 * signatureLivesMs))))) throw invalidSignature();
}

async function consumerSecret(tx: Transaction, vault: Vault, id: string): Promise<string> {
  const sealed = await findConsumerSecret(tx, id);
  if (!sealed) throw consumerNotFound();
  return vault.open(tx, 'consumer', id, sealed);
}

function newSecret(random: Random): string {
  return random.bytes(16).toString('hex');
}
