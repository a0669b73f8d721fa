/**
 * Proving who one is, and what a token may then do. Whatever is wrong, the answer is the same 401 after the
 * same work (ATTACKS 20, 21). keystone/auth/core.py, keystone/api/_shared/authentication.py
 */
import type { TokenRequest } from '../../contract/identity/tokens.ts';
import type { Static } from 'typebox';
import { notFound } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { findApplicationCredential, findApplicationCredentialByName, findSecretHash, type ApplicationCredential } from './application-credentials.store.ts';
import { endOf } from './application-credentials.ts';
import { findDomain, findDomainByName, type Domain } from './domains.store.ts';
import { newestRevocation, wereRevoked } from './directory.store.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { matchesGenerated, type Passwords } from './passwords.ts';
import type { Place } from './places.ts';
import { findProject, findProjectByName } from './projects.store.ts';
import { forbiddenAction, invalid, notAuthenticated } from './refusals.ts';
import { authMethods, longestTokenMs, type AuthMethod, type Claims, type TokenScope } from './token-format.ts';
import { subjectsOf, type Tokens } from './tokens.ts';
import { findPasswordHash, findUser, findUserByName, type User } from './users.store.ts';

type Auth = Static<typeof TokenRequest>['auth'];
type Identity = Auth['identity'];
type Reference = { id?: string; name?: string };
type WantedScope = Exclude<Auth['scope'], 'unscoped' | undefined>;

/** Who proved it, and what their proof allows. */
type Proof = {
  userId: string;
  methods: AuthMethod[];
  /** A token is no longer valid than the one that it was got with. */
  expiresAt?: Date;
  /** The oldest token of the chain. */
  auditId?: string;
  from?: Claims;
  applicationCredentialId?: string;
};

export type AuthenticationParts = {
  tokens: Tokens;
  passwords: Passwords;
  /** A transaction for reading that ends before anything is computed. */
  read<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  now: Date;
};

export async function authenticateFor(parts: AuthenticationParts, auth: Auth): Promise<{ token: string; claims: Claims }> {
  const proofs: Proof[] = [];
  for (const method of new Set(auth.identity.methods)) proofs.push(await prove(parts, method, auth));
  const [first] = proofs;
  if (!first || proofs.some(({ userId }) => userId !== first.userId)) throw notAuthenticated();
  const claims = await parts.read((tx) => claimsFor(tx, parts.now, together(proofs), auth.scope));
  return parts.tokens.issue(claims);
}

/** All of them at once: what one of them limits stays limited. */
function together(proofs: readonly Proof[]): Proof {
  const ends = proofs.flatMap(({ expiresAt }) => expiresAt?.getTime() ?? []);
  const proof: Proof = Object.assign({}, ...proofs, { methods: proofs.flatMap(({ methods }) => methods) }) as Proof;
  return ends.length === 0 ? proof : { ...proof, expiresAt: new Date(Math.min(...ends)) };
}

function prove(parts: AuthenticationParts, method: string, { identity, scope }: Auth): Promise<Proof> {
  switch (authMethods.find((known) => known === method)) {
    case 'password':
      return provePassword(parts, demandPart(identity.password, 'password'));
    case 'application_credential':
      return proveApplicationCredential(parts, demandPart(identity.application_credential, 'application_credential'));
    case 'token':
      return proveToken(parts, demandPart(identity.token, 'token'), scope);
    case undefined:
      throw notAuthenticated();
  }
}

function demandPart<T>(part: T | undefined, name: string): T {
  if (part !== undefined) return part;
  throw invalid(`Expecting to find ${name} in identity. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`);
}

async function provePassword({ read, passwords }: AuthenticationParts, { user }: NonNullable<Identity['password']>): Promise<Proof> {
  if (user.id === undefined && (user.name === undefined || user.domain === undefined))
    throw invalid('Expecting to find domain in user. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.');
  const { found, hash } = await read(async (tx) => {
    const found = await enabledUser(tx, user);
    return { found, hash: found === undefined ? null : await findPasswordHash(tx, found.id) };
  });
  if (!(await passwords.matches(user.password, hash)) || found === undefined) throw notAuthenticated();
  return { userId: found.id, methods: ['password'] };
}

async function proveApplicationCredential({ read, passwords, now }: AuthenticationParts, given: NonNullable<Identity['application_credential']>): Promise<Proof> {
  const { credential, hash } = await read(async (tx) => {
    const credential = await namedCredential(tx, given);
    const user = credential && (await enabledUser(tx, { id: credential.userId }));
    return { credential: user ? credential : undefined, hash: credential && user ? await findSecretHash(tx, credential.id) : null };
  });
  // Only success may be quick: a wrong secret takes as long as one for a credential that is not there.
  const matches = (hash !== null && matchesGenerated(given.secret, hash)) || (await passwords.matches(given.secret, hash));
  if (!matches || !credential || (credential.expiresAt !== null && endOf(credential.expiresAt) <= now)) throw notAuthenticated();
  return { userId: credential.userId, methods: ['application_credential'], applicationCredentialId: credential.id, ...(credential.expiresAt === null ? {} : { expiresAt: endOf(credential.expiresAt) }) };
}

// keystone/auth/plugins/token.py: a token never leads to more than what it was got with.
async function proveToken({ tokens, read }: AuthenticationParts, { id }: NonNullable<Identity['token']>, scope: Auth['scope']): Promise<Proof> {
  const from = tokens.verify(id);
  // keystone/token/provider.py, validate_token, whose refusal the plugin passes on as it is.
  if (!from) throw notFound('Failed to validate token', 'TokenNotFound');
  if (from.scope.kind === 'system' && typeof scope === 'object' && (scope.project !== undefined || scope.domain !== undefined))
    throw forbiddenAction('Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.');
  if (from.applicationCredential && scope !== undefined) throw forbiddenAction('Using an application credential token to create a scoped token is not allowed.');
  if (!(await read((tx) => enabledUser(tx, { id: from.userId })))) throw notAuthenticated();
  return {
    userId: from.userId,
    methods: ['token', ...from.methods],
    expiresAt: from.expiresAt,
    auditId: from.parentAuditId ?? from.auditId,
    from,
    ...(from.applicationCredential ? { applicationCredentialId: from.applicationCredential.id } : {}),
  };
}

async function claimsFor(tx: Transaction, now: Date, proof: Proof, scope: Auth['scope']): Promise<Omit<Claims, 'auditId'>> {
  // Read first: whatever is revoked after this concerns the token, even when the statements below saw it in time.
  const epoch = await newestRevocation(tx);
  // Revoked before that, perhaps by another process a moment ago, the parent must not live on in its child.
  if (proof.from && (await wereRevoked(tx, subjectsOf(proof.from), proof.from.epoch))) throw notAuthenticated();
  const user = await enabledUser(tx, { id: proof.userId });
  if (!user) throw notAuthenticated();
  const credential = proof.applicationCredentialId === undefined ? undefined : await findApplicationCredential(tx, proof.applicationCredentialId);
  if (proof.applicationCredentialId !== undefined && !credential) throw notAuthenticated();
  const granted = credential ? await scopeOfCredential(tx, credential, scope) : await grantedScope(tx, user, scope);
  const expiresAt = new Date(Math.min(now.getTime() + longestTokenMs, proof.expiresAt?.getTime() ?? Infinity));
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domainId,
    ...granted,
    methods: authMethods.filter((method) => proof.methods.includes(method)),
    parentAuditId: proof.auditId,
    applicationCredential: credential && { id: credential.id, restricted: !credential.unrestricted },
    epoch,
    issuedAt: now,
    expiresAt,
  };
}

type Granted = Pick<Claims, 'scope' | 'roleNumbers'>;
const unscoped: Granted = { scope: { kind: 'unscoped' }, roleNumbers: [] };

async function grantedScope(tx: Transaction, user: User, wanted: Auth['scope']): Promise<Granted> {
  if (wanted === 'unscoped') return unscoped;
  // A default project that is gone, disabled or without a role is as good as none.
  if (wanted === undefined) return (user.defaultProjectId === null ? undefined : await projectScope(tx, user.id, { id: user.defaultProjectId })) ?? unscoped;
  const granted = await wantedScope(tx, user.id, wanted);
  if (!granted) throw notAuthenticated();
  return granted;
}

async function wantedScope(tx: Transaction, userId: string, { project, domain, system, unscoped: none }: WantedScope): Promise<Granted | undefined> {
  if ([project, domain, system, none].filter((each) => each !== undefined).length > 1) throw invalid('Scoping to more than one of project, domain and system is not allowed.');
  if (project) return projectScope(tx, userId, project);
  if (domain) {
    const found = await enabledDomain(tx, domain);
    return found && withRoles(tx, userId, { kind: 'domain', id: found.id });
  }
  if (system) return system.all ? withRoles(tx, userId, { kind: 'system' }) : undefined;
  return unscoped;
}

async function projectScope(tx: Transaction, userId: string, wanted: Reference & { domain?: Reference }): Promise<Granted | undefined> {
  const scope = await enabledProject(tx, wanted);
  return scope && withRoles(tx, userId, scope);
}

async function withRoles(tx: Transaction, userId: string, scope: Exclude<TokenScope, { kind: 'unscoped' }>): Promise<Granted | undefined> {
  const roles = await listEffectiveRoles(tx, userId, scope satisfies Place);
  return roles.length === 0 ? undefined : { scope, roleNumbers: roles.map(({ number }) => number) };
}

/** The credential's project, and of its roles those that its maker still has. */
async function scopeOfCredential(tx: Transaction, credential: ApplicationCredential, wanted: Auth['scope']): Promise<Granted> {
  // keystone/auth/core.py, _validate_and_normalize_scope_data: its scope is its own.
  if (wanted !== undefined) throw notAuthenticated();
  const granted = await projectScope(tx, credential.userId, { id: credential.projectId });
  if (!granted) throw notAuthenticated();
  const own = new Set(credential.roles.map(({ id }) => id));
  const roles = (await listEffectiveRoles(tx, credential.userId, { kind: 'project', id: credential.projectId })).filter(({ id }) => own.has(id));
  if (roles.length === 0) throw notAuthenticated();
  return { ...granted, roleNumbers: roles.map(({ number }) => number) };
}

async function enabledProject(tx: Transaction, wanted: Reference & { domain?: Reference }): Promise<Extract<TokenScope, { kind: 'project' }> | undefined> {
  const domain = wanted.id === undefined && wanted.domain ? await enabledDomain(tx, wanted.domain) : undefined;
  const project = wanted.id !== undefined ? await findProject(tx, wanted.id) : domain && wanted.name !== undefined ? await findProjectByName(tx, domain.id, wanted.name) : undefined;
  if (!project?.enabled || !(await enabledDomain(tx, { id: project.domainId }))) return undefined;
  return { kind: 'project', id: project.id, name: project.name, domainId: project.domainId };
}

async function enabledUser(tx: Transaction, wanted: Reference & { domain?: Reference }): Promise<User | undefined> {
  const domain = wanted.id === undefined && wanted.domain ? await enabledDomain(tx, wanted.domain) : undefined;
  const user = wanted.id !== undefined ? await findUser(tx, wanted.id) : domain && wanted.name !== undefined ? await findUserByName(tx, domain.id, wanted.name) : undefined;
  if (!user?.enabled || !(await enabledDomain(tx, { id: user.domainId }))) return undefined;
  return user;
}

async function enabledDomain(tx: Transaction, wanted: Reference): Promise<Domain | undefined> {
  const domain = wanted.id !== undefined ? await findDomain(tx, wanted.id) : wanted.name !== undefined ? await findDomainByName(tx, wanted.name) : undefined;
  return domain?.enabled ? domain : undefined;
}

async function namedCredential(tx: Transaction, given: NonNullable<Identity['application_credential']>): Promise<ApplicationCredential | undefined> {
  if (given.id !== undefined) return findApplicationCredential(tx, given.id);
  const user = given.user && (await enabledUser(tx, given.user));
  return user && given.name !== undefined ? findApplicationCredentialByName(tx, user.id, given.name) : undefined;
}
