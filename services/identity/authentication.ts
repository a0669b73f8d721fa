/**
 * Proving who one is. Whatever is wrong, the answer is the same 401 after the same work (ATTACKS 20, 21); what a token
 * may then do is in scoping.ts. keystone/auth/core.py, keystone/auth/plugins, keystone/api/_shared/authentication.py
 */
import type { TokenRequest } from '../../contract/identity/tokens.ts';
import type { Static } from 'typebox';
import { forbidden, notFound } from '../../kit/fault.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import { findApplicationCredential, findApplicationCredentialByName, findSecretHash, isOfEnabledUser, type ApplicationCredential } from './application-credentials.store.ts';
import { endOf } from './application-credentials.ts';
import { listSealedOfUser } from './credentials.store.ts';
import { findDomain } from './domains.store.ts';
import { enabledUser } from './enabled.ts';
import { moreIsAsked, receiptLivesMs, suffices } from './multi-factor.ts';
import { proveAccess, type SignedRequest } from './oauth1.ts';
import { matchesGenerated, type Passwords } from './passwords.ts';
import { forbiddenAction, invalid, notAuthenticated } from './refusals.ts';
import { counts, logIn } from './password-login.ts';
import { passwordPolicyOf } from './password-policy.ts';
import { claimsFor, type NewClaims, type Proof } from './scoping.ts';
import { takePasscode } from './signatures.store.ts';
import { authMethods, type AuthMethod, type Claims } from './token-format.ts';
import type { Tokens } from './tokens.ts';
import { isPasscodeOf, passcodeLivesMs } from './totp.ts';
import { takeUse } from './trusts.store.ts';
import type { User } from './users.store.ts';
import type { Vault } from './vault.ts';

type Auth = Static<typeof TokenRequest>['auth'];
type Identity = Auth['identity'];

export type AuthenticationParts = {
  tokens: Tokens;
  passwords: Passwords;
  vault: Vault;
  /** A transaction for reading that ends before anything is computed. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** For what may be used only once. */
  write<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  now: Date;
  /** What was proved in an earlier request. */
  receipt: string | undefined;
  /** The request itself, which may be signed. */
  request: SignedRequest;
};

/** Transactions of their own: what was used up stays used up, whatever becomes of the request. */
export function takingOnce(database: Database): AuthenticationParts['write'] {
  return (work) => database.transaction({ kind: 'system', reason: 'what may be used only once' }, work);
}

export async function authenticateFor(parts: AuthenticationParts, auth: Auth): Promise<{ token: string; claims: Claims }> {
  const proofs: Proof[] = [];
  for (const method of new Set(auth.identity.methods)) proofs.push(await prove(parts, method, auth));
  const [first] = proofs;
  if (!first || proofs.some(({ userId }) => userId !== first.userId)) throw notAuthenticated();
  const proof = withReceipt(parts, together(proofs));
  const claims = await parts.read((tx) => claimsFor(tx, parts.now, proof, auth.scope, (user, epoch) => demandEnough(tx, parts, proof, { user, epoch })));
  return issue(parts, claims);
}

/** A use of a trust is taken only when everything else was right. */
export async function issue({ tokens, write }: Pick<AuthenticationParts, 'tokens' | 'write'>, claims: NewClaims): Promise<{ token: string; claims: Claims }> {
  const { trustId } = claims;
  // keystone/exception.py, TrustUseLimitReached
  if (trustId !== undefined && !(await write((tx) => takeUse(tx, trustId)))) throw forbidden(`No remaining uses for trust: ${trustId}.`, 'TrustUseLimitReached');
  return tokens.issue(claims);
}

function withReceipt({ tokens, receipt }: AuthenticationParts, proof: Proof): Proof {
  if (receipt === undefined) return proof;
  const before = tokens.verifyReceipt(receipt);
  if (!before || before.userId !== proof.userId) throw notAuthenticated();
  return { ...proof, methods: [...proof.methods, ...before.methods] };
}

/** Who must show more than that gets a receipt for it. */
async function demandEnough(tx: Transaction, { tokens, now }: AuthenticationParts, proof: Proof, { user, epoch }: { user: User; epoch: number }): Promise<void> {
  if (suffices(user, proof.methods)) return;
  const methods = authMethods.filter((method) => proof.methods.includes(method));
  const expiresAt = new Date(now.getTime() + receiptLivesMs);
  const receipt = tokens.issueReceipt({ ...nothing, userId: user.id, userName: user.name, userDomainId: user.domainId, methods, epoch, issuedAt: now, expiresAt });
  throw moreIsAsked({ user, domainName: (await findDomain(tx, user.domainId))?.name ?? '', methods, receipt, issuedAt: now, expiresAt });
}

const nothing = { scope: { kind: 'unscoped' }, roleNumbers: [], parentAuditId: undefined, applicationCredential: undefined, trustId: undefined, accessTokenId: undefined, ec2CredentialId: undefined } as const satisfies Partial<NewClaims>;

/** All of them at once: what one of them limits stays limited. */
function together(proofs: readonly Proof[]): Proof {
  const ends = proofs.flatMap(({ expiresAt }) => expiresAt?.getTime() ?? []);
  const proof: Proof = Object.assign({}, ...proofs, { methods: proofs.flatMap(({ methods }) => methods) }) as Proof;
  return ends.length === 0 ? proof : { ...proof, expiresAt: new Date(Math.min(...ends)) };
}

function prove(parts: AuthenticationParts, method: string, { identity, scope }: Auth): Promise<Proof> {
  const known: AuthMethod | undefined = authMethods.find((each) => each === method);
  switch (known) {
    case 'password':
      return provePassword(parts, demandPart(identity.password, 'password'));
    case 'application_credential':
      return proveApplicationCredential(parts, demandPart(identity.application_credential, 'application_credential'));
    case 'token':
      return proveToken(parts, demandPart(identity.token, 'token'), scope);
    case 'totp':
      return provePasscode(parts, demandPart(identity.totp, 'totp'));
    case 'oauth1':
      return proveAccess(parts, demandPart(identity.oauth1, 'oauth1'));
    // It is proved at another door: signature-tokens.api.ts.
    case 'ec2credential':
    case undefined:
      throw notAuthenticated();
  }
}

function demandPart<T>(part: T | undefined, name: string): T {
  if (part !== undefined) return part;
  throw invalid(`Expecting to find ${name} in identity. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`);
}

function demandNamed({ id, name, domain }: { id?: string; name?: string; domain?: object }): void {
  if (id === undefined && (name === undefined || domain === undefined))
    throw invalid('Expecting to find domain in user. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.');
}

async function provePassword(parts: AuthenticationParts, { user }: NonNullable<Identity['password']>): Promise<Proof> {
  demandNamed(user);
  const { id } = await logIn(parts, (tx) => enabledUser(tx, user), user.password);
  return { userId: id, methods: ['password'] };
}

async function proveApplicationCredential({ read, passwords, now }: AuthenticationParts, given: NonNullable<Identity['application_credential']>): Promise<Proof> {
  const { credential, hash } = await read(async (tx) => {
    const named = given.id === undefined ? await namedCredential(tx, given) : undefined;
    const id = named?.id ?? given.id ?? '';
    const [credential, hash, isUsable] = await Promise.all([named ?? findApplicationCredential(tx, id), findSecretHash(tx, id), isOfEnabledUser(tx, id)]);
    return isUsable ? { credential, hash } : { credential: undefined, hash: null };
  });
  // Only success may be quick: a wrong secret takes as long as one for a credential that is not there.
  const matches = (hash !== null && matchesGenerated(given.secret, hash)) || (await passwords.matches(given.secret, hash));
  if (!matches || !credential || (credential.expiresAt !== null && endOf(credential.expiresAt) <= now)) throw notAuthenticated();
  return { userId: credential.userId, methods: ['application_credential'], applicationCredentialId: credential.id, ...(credential.expiresAt === null ? {} : { expiresAt: endOf(credential.expiresAt) }) };
}

// keystone/auth/plugins/token.py: a token never leads to more than what it was got with.
async function proveToken({ tokens }: AuthenticationParts, { id }: NonNullable<Identity['token']>, scope: Auth['scope']): Promise<Proof> {
  const from = tokens.verify(id);
  // keystone/token/provider.py, validate_token, whose refusal the plugin passes on as it is.
  if (!from) throw notFound('Failed to validate token', 'TokenNotFound');
  if (from.scope.kind === 'system' && typeof scope === 'object' && (scope.project !== undefined || scope.domain !== undefined))
    throw forbiddenAction('Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.');
  if (from.accessTokenId !== undefined) throw forbiddenAction('Using OAuth-scoped token to create another token. Create a new OAuth-scoped token instead');
  if (from.trustId !== undefined) throw forbiddenAction('Using trust-scoped token to create another token. Create a new trust-scoped token instead');
  if (from.applicationCredential && scope !== undefined) throw forbiddenAction('Using an application credential token to create a scoped token is not allowed.');
  return {
    userId: from.userId,
    methods: ['token', ...from.methods],
    expiresAt: from.expiresAt,
    auditId: from.parentAuditId ?? from.auditId,
    from,
    ...(from.applicationCredential ? { applicationCredentialId: from.applicationCredential.id } : {}),
    ...(from.ec2CredentialId === undefined ? {} : { ec2CredentialId: from.ec2CredentialId }),
  };
}

/** Each passcode is good once: whoever looks over a shoulder has come too late. */
async function provePasscode({ read, write, vault, passwords, now }: AuthenticationParts, { user }: NonNullable<Identity['totp']>): Promise<Proof> {
  demandNamed(user);
  const { found, policy, secrets } = await read(async (tx) => {
    const found = await enabledUser(tx, user);
    const stored = found ? await listSealedOfUser(tx, found.id, 'totp') : [];
    return { found, policy: found && (await passwordPolicyOf(tx, found.domainId)), secrets: await Promise.all(stored.map(async ({ id, sealed }) => ({ id, secret: await vault.open(tx, 'credential', id, sealed) }))) };
  });
  const used = secrets.find(({ secret }) => isPasscodeOf(secret, user.passcode, now));
  // A million passcodes are soon tried where a try costs nothing.
  await passwords.matches(user.passcode, null);
  if (!found || !policy) throw notAuthenticated();
  // One that was used before is a wrong one, and so counts as an attempt.
  const isRight = used !== undefined && (await write((tx) => takePasscode(tx, used.id, user.passcode, { now, until: new Date(now.getTime() + passcodeLivesMs) })));
  if (!(await counts(write, found, policy, isRight, now))) throw notAuthenticated();
  return { userId: found.id, methods: ['totp'] };
}

async function namedCredential(tx: Transaction, given: NonNullable<Identity['application_credential']>): Promise<ApplicationCredential | undefined> {
  const user = given.user && (await enabledUser(tx, given.user));
  return user && given.name !== undefined ? findApplicationCredentialByName(tx, user.id, given.name) : undefined;
}
