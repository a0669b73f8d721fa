/** What a token may do that somebody is to get for what they have proved. keystone/auth/core.py, keystone/models/token_model.py */
import type { Static } from 'typebox';
import type { TokenRequest } from '../../contract/identity/tokens.ts';
import { forbidden, notFound } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { findApplicationCredential, type ApplicationCredential } from './application-credentials.store.ts';
import { demandWithin, type Excess, type Rights } from './delegation.ts';
import { newestRevocation, wereRevoked } from './directory.store.ts';
import { enabledDomain, enabledProject, enabledUser, type InDomain } from './enabled.ts';
import { listEffectiveRoles } from './grants.store.ts';
import { findAccessToken } from './oauth1.store.ts';
import type { Place } from './places.ts';
import { forbiddenAction, invalid, notAuthenticated } from './refusals.ts';
import { momentOf, rightsOfAccessToken, rightsOfCredential, rightsOfToken, rightsOfTrust, rightsOfUser } from './rights.ts';
import { listRolesWithImplied } from './roles.store.ts';
import { authMethods, longestTokenMs, type AuthMethod, type Claims, type TokenScope } from './token-format.ts';
import { subjectsOf } from './tokens.ts';
import { trustForUse } from './trusts.ts';
import { findUser, type User } from './users.store.ts';

export type WantedScope = Static<typeof TokenRequest>['auth']['scope'];

/** Who proved to be whom, and what their proof allows. */
export type Proof = {
  userId: string;
  methods: AuthMethod[];
  /** A token is no longer valid than what it was got with. */
  expiresAt?: Date;
  /** The oldest token of the chain. */
  auditId?: string;
  from?: Claims;
  applicationCredentialId?: string;
  accessTokenId?: string;
  ec2CredentialId?: string;
};

export type NewClaims = Omit<Claims, 'auditId'>;

/** What is granted, to whom, and what it must lie within. */
type Granted = { scope: TokenScope; roleNumbers: number[]; actor: User; limit: Rights; trustId?: string; endsAt?: Date | null };

/** `demandEnough` refuses a user who has to prove more, before anything else is told. */
export async function claimsFor(tx: Transaction, now: Date, proof: Proof, wanted: WantedScope, demandEnough?: (user: User, epoch: number) => Promise<void>): Promise<NewClaims> {
  const projectId = typeof wanted === 'object' ? wanted.project?.id : undefined;
  // The epoch is read first: whatever is revoked after this concerns the token, even when the statements below saw it in time.
  const [epoch, parentWasRevoked, user, credential, askedProject] = await Promise.all([
    newestRevocation(tx),
    // Perhaps by another process a moment ago: the parent must not live on in its child.
    proof.from ? wereRevoked(tx, subjectsOf(proof.from), proof.from.epoch) : false,
    enabledUser(tx, { id: proof.userId }),
    proof.applicationCredentialId === undefined ? undefined : findApplicationCredential(tx, proof.applicationCredentialId),
    projectId === undefined ? undefined : projectScope(tx, proof.userId, { id: projectId }),
  ]);
  if (parentWasRevoked || !user) throw notAuthenticated();
  await demandEnough?.(user, epoch);
  if (proof.applicationCredentialId !== undefined && !credential) throw notAuthenticated();
  const granted = await grantedTo(tx, now, { proof, user, credential, wanted, askedProject });
  const ends = [now.getTime() + longestTokenMs, proof.expiresAt?.getTime() ?? Infinity, granted.endsAt?.getTime() ?? Infinity, granted.limit.endsAt?.getTime() ?? Infinity];
  const claims: NewClaims = {
    userId: granted.actor.id,
    userName: granted.actor.name,
    userDomainId: granted.actor.domainId,
    scope: granted.scope,
    roleNumbers: granted.roleNumbers,
    methods: authMethods.filter((method) => proof.methods.includes(method)),
    parentAuditId: proof.auditId,
    applicationCredential: credential && { id: credential.id, restricted: !credential.unrestricted, limited: granted.limit.accessRules !== null },
    trustId: granted.trustId,
    accessTokenId: proof.accessTokenId,
    ec2CredentialId: proof.ec2CredentialId,
    epoch,
    issuedAt: now,
    expiresAt: new Date(Math.min(...ends)),
  };
  const wish = { ...(await rightsOfToken(tx, { ...claims, auditId: '' })), endsAt: claims.expiresAt, kind: 'token' as const };
  demandWithin(wish, granted.limit, refusalOf);
  return claims;
}

type Asking = { proof: Proof; user: User; credential: ApplicationCredential | undefined; wanted: WantedScope; /** What the user may do in the project that is asked for by its id. */ askedProject: Placed | undefined };

async function grantedTo(tx: Transaction, now: Date, { proof, user, credential, wanted, askedProject }: Asking): Promise<Granted> {
  if (credential) return fromCredential(tx, { proof, user, credential, wanted, askedProject });
  if (proof.accessTokenId !== undefined) return fromAccessToken(tx, user, proof.accessTokenId);
  const trust = typeof wanted === 'object' ? wanted['OS-TRUST:trust'] : undefined;
  if (trust !== undefined) {
    demandOneScope(wanted);
    // A token that was handed on leads to no trust of its owner's.
    if (proof.from && (await rightsOfToken(tx, proof.from)).place !== 'anywhere') throw forbiddenAction('Using a token of a delegation to consume a trust');
    return fromTrust(tx, now, user, trust.id);
  }
  const limit = proof.from ? { ...(await rightsOfToken(tx, proof.from)), endsAt: proof.from.expiresAt } : proof.ec2CredentialId === undefined ? rightsOfUser(user.id) : rightsOfKey(user.id, wanted);
  // What is bound to one place has no default that is another.
  if (wanted === undefined && limit.place !== 'anywhere' && proof.from) return { ...(await withRoles(tx, user.id, proof.from.scope)), actor: user, limit };
  return { ...(await grantedScope(tx, user, wanted, askedProject)), actor: user, limit };
}

type Placed = Pick<Granted, 'scope' | 'roleNumbers'>;
const unscoped: Placed = { scope: { kind: 'unscoped' }, roleNumbers: [] };

async function grantedScope(tx: Transaction, user: User, wanted: WantedScope, askedProject: Placed | undefined): Promise<Placed> {
  if (wanted === 'unscoped') return unscoped;
  // A default project that is gone, disabled or without a role is as good as none.
  if (wanted === undefined) return (user.defaultProjectId === null ? undefined : await projectScope(tx, user.id, { id: user.defaultProjectId })) ?? unscoped;
  const granted = await wantedScope(tx, user.id, wanted, askedProject);
  if (!granted) throw notAuthenticated();
  return granted;
}

function demandOneScope(wanted: WantedScope): void {
  if (typeof wanted !== 'object') return;
  const { project, domain, system, unscoped: none, 'OS-TRUST:trust': trust } = wanted;
  if ([project, domain, system, none, trust].filter((each) => each !== undefined).length > 1) throw invalid('Scoping to more than one of project, domain, system and trust is not allowed.');
}

async function wantedScope(tx: Transaction, userId: string, wanted: Exclude<WantedScope, 'unscoped' | undefined>, askedProject: Placed | undefined): Promise<Placed | undefined> {
  demandOneScope(wanted);
  const { project, domain, system } = wanted;
  if (project) return project.id === undefined ? projectScope(tx, userId, project) : askedProject;
  if (domain) {
    const found = await enabledDomain(tx, domain);
    return found && rolesIn(tx, userId, { kind: 'domain', id: found.id });
  }
  if (system) return system.all ? rolesIn(tx, userId, { kind: 'system' }) : undefined;
  return unscoped;
}

async function projectScope(tx: Transaction, userId: string, wanted: InDomain): Promise<Placed | undefined> {
  const { id } = wanted;
  if (id === undefined) {
    const named = await enabledProject(tx, wanted);
    return named && rolesIn(tx, userId, named);
  }
  const [scope, roles] = await Promise.all([enabledProject(tx, { id }), listEffectiveRoles(tx, userId, { kind: 'project', id })]);
  return scope && withThese(scope, roles);
}

async function rolesIn(tx: Transaction, userId: string, scope: Exclude<TokenScope, { kind: 'unscoped' }>): Promise<Placed | undefined> {
  return withThese(scope, await listEffectiveRoles(tx, userId, scope satisfies Place));
}

function withThese(scope: TokenScope, roles: readonly { number: number }[]): Placed | undefined {
  return roles.length === 0 ? undefined : { scope, roleNumbers: roles.map(({ number }) => number) };
}

async function withRoles(tx: Transaction, userId: string, scope: TokenScope): Promise<Placed> {
  if (scope.kind === 'unscoped') return unscoped;
  const granted = scope.kind === 'project' ? await projectScope(tx, userId, { id: scope.id }) : await rolesIn(tx, userId, scope);
  if (!granted) throw notAuthenticated();
  return granted;
}

/** The credential's project, and of its roles those that its maker still has. */
async function fromCredential(tx: Transaction, { proof, user, credential, wanted }: Asking & { credential: ApplicationCredential }): Promise<Granted> {
  // keystone/auth/core.py, _validate_and_normalize_scope_data: its scope is its own.
  if (wanted !== undefined) throw notAuthenticated();
  const id = credential.projectId;
  const [place, roles, limit] = await Promise.all([
    enabledProject(tx, { id }),
    listEffectiveRoles(tx, credential.userId, { kind: 'project', id }),
    proof.from ? rightsOfToken(tx, proof.from) : rightsOfCredential(tx, credential),
  ]);
  if (!place) throw notAuthenticated();
  const own = new Set(credential.roles.map((role) => role.id));
  const held = roles.filter((role) => own.has(role.id));
  // What came back to its maker since a token was got comes to the next token that is got with the credential itself.
  const roleNumbers = held.map(({ number }) => number).filter((number) => proof.from === undefined || proof.from.roleNumbers.includes(number));
  if (roleNumbers.length === 0) throw notAuthenticated();
  return { scope: place, roleNumbers, actor: user, limit: proof.from ? { ...limit, endsAt: proof.from.expiresAt } : { ...limit, roles: new Set(roleNumbers) } };
}

async function fromTrust(tx: Transaction, now: Date, trustee: User, id: string): Promise<Granted> {
  const found = await trustForUse(tx, now, id);
  if (!found) throw notAuthenticated();
  const { trust, owner } = found;
  if (trust.trusteeId !== trustee.id) throw forbidden('User is not a trustee.', 'Forbidden');
  const trustor = await findUser(tx, trust.trustorId);
  if (!trustor || !(await enabledDomain(tx, { id: trustor.domainId }))) throw notFound('Trustor domain is disabled.', 'TokenNotFound');
  if (!trustor.enabled) throw forbidden('Trustor is disabled.', 'Forbidden');
  const scope = trust.projectId === null ? undefined : await enabledProject(tx, { id: trust.projectId });
  if (!scope) throw notAuthenticated();
  const roles = await listRolesWithImplied(tx, trust.roleIds);
  for (const userId of new Set([trustor.id, owner.id])) {
    const held = new Set((await listEffectiveRoles(tx, userId, scope)).map(({ id: roleId }) => roleId));
    if (roles.length === 0 || !roles.every((role) => held.has(role.id))) throw forbidden('Trustee has no delegated roles.', 'Forbidden');
  }
  const roleNumbers = roles.map(({ number }) => number);
  return { scope, roleNumbers, actor: trust.impersonation ? trustor : trustee, limit: rightsOfTrust(trust, owner.id, new Set(roleNumbers)), trustId: trust.id, endsAt: momentOf(trust.expiresAt) };
}

/** keystone/models/token_model.py, _get_oauth_roles: of what was authorized, what the user still has. */
async function fromAccessToken(tx: Transaction, user: User, id: string): Promise<Granted> {
  const token = await findAccessToken(tx, id);
  const scope = token && (await enabledProject(tx, { id: token.projectId }));
  if (!token || !scope) throw notAuthenticated();
  const held = new Set((await listEffectiveRoles(tx, user.id, scope)).map(({ id: roleId }) => roleId));
  const roleNumbers = (await listRolesWithImplied(tx, token.roleIds)).filter((role) => held.has(role.id)).map(({ number }) => number);
  if (roleNumbers.length === 0) throw notAuthenticated();
  return { scope, roleNumbers, actor: user, limit: rightsOfAccessToken(token, new Set(roleNumbers)), endsAt: token.expiresAt };
}

/** A key for signing is for its project, whatever else its user has. */
function rightsOfKey(userId: string, wanted: WantedScope): Rights {
  const id = typeof wanted === 'object' ? wanted.project?.id : undefined;
  return { ...rightsOfUser(userId), place: id === undefined ? 'nowhere' : { kind: 'project', id } };
}

function refusalOf(excess: Excess) {
  return forbiddenAction(`Using a token or a credential to create a token that is more than it (${excess})`);
}
