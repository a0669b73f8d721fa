/** Who has which rights by what: by a token, by a trust, by a credential. `delegation.ts` compares them. */
import type { Transaction } from '../../kit/postgres/database.ts';
import { listAccessRulesOf } from './access-rules.store.ts';
import { findApplicationCredential, type ApplicationCredential } from './application-credentials.store.ts';
import { mintable, type AccessRule, type Mintable, type Rights } from './delegation.ts';
import type { AccessToken } from './oauth1.store.ts';
import { notAuthenticated } from './refusals.ts';
import type { Claims, TokenScope } from './token-format.ts';
import { listPedigree, type Trust } from './trusts.store.ts';

/** keystone.conf, [trust] max_redelegation_count: how many trusts may be made from the first one, each from the one before. */
export const mostRedelegations = 3;

/** Of somebody who has proved to be that user: what they have, wherever they have it, and whatever comes later. */
export function rightsOfUser(userId: string): Rights {
  return { ownerId: userId, place: 'anywhere', roles: 'any', endsAt: null, accessRules: null, impersonation: true, redelegations: mostRedelegations + 1, mints: mintable };
}

/** What the holder may hand on. A token's own end is no end of that, but the end of what it was got with is. */
export async function rightsOfToken(tx: Transaction, claims: Claims): Promise<Rights> {
  if (claims.trustId !== undefined) return rightsOfTrustToken(tx, claims, claims.trustId);
  const own: Rights = { ...rightsOfUser(claims.userId), place: placeOf(claims.scope), roles: new Set(claims.roleNumbers), redelegations: 0 };
  if (claims.applicationCredential) {
    const { id } = claims.applicationCredential;
    const [credential, rules] = await Promise.all([findApplicationCredential(tx, id), listAccessRulesOf(tx, id)]);
    if (!credential) throw notAuthenticated();
    return { ...own, ...limitsOfCredential(credential, rules) };
  }
  // keystone/api/trusts.py, keystone/api/users.py, _block_delegated_token_app_creds
  if (claims.accessTokenId !== undefined) return { ...own, mints: ['ec2 credential'] };
  if (claims.ec2CredentialId !== undefined) return { ...own, roles: 'any', redelegations: mostRedelegations + 1 };
  // keystone/auth/plugins/token.py: out of the system there is no way into a project or domain.
  return { ...rightsOfUser(claims.userId), place: claims.scope.kind === 'system' ? { kind: 'system' } : 'anywhere' };
}

/** All but the roles, which are those that its owner still has. */
export async function rightsOfCredential(tx: Transaction, credential: ApplicationCredential): Promise<Rights> {
  const place = { kind: 'project', id: credential.projectId } as const;
  return { ...rightsOfUser(credential.userId), place, roles: new Set(), redelegations: 0, ...limitsOfCredential(credential, await listAccessRulesOf(tx, credential.id)) };
}

export function rightsOfTrust(trust: Trust, ownerId: string, roles: ReadonlySet<number>): Rights {
  return {
    ownerId,
    place: trust.projectId === null ? 'nowhere' : { kind: 'project', id: trust.projectId },
    roles,
    endsAt: momentOf(trust.expiresAt),
    accessRules: null,
    impersonation: trust.impersonation,
    redelegations: trust.redelegationCount,
    mints: ['token', 'trust', 'ec2 credential'],
  };
}

export function rightsOfAccessToken(token: AccessToken, roles: ReadonlySet<number>): Rights {
  return { ...rightsOfUser(token.userId), place: { kind: 'project', id: token.projectId }, roles, endsAt: token.expiresAt, redelegations: 0, mints: ['token', 'ec2 credential'] };
}

export function mintsOfCredential({ unrestricted }: Pick<ApplicationCredential, 'unrestricted'>): Mintable[] {
  return unrestricted ? ['token', 'application credential', 'ec2 credential'] : ['token'];
}

/** Null: no end. To the millisecond. */
export function momentOf(naive: string | null): Date | null {
  return naive === null ? null : new Date(`${naive}Z`);
}

async function rightsOfTrustToken(tx: Transaction, claims: Claims, trustId: string): Promise<Rights> {
  const pedigree = await listPedigree(tx, trustId);
  const [trust, first] = [pedigree[0], pedigree.at(-1)];
  if (!trust || !first) throw notAuthenticated();
  // keystone/auth/plugins/token.py: a token of a trust leads to no other token.
  return { ...rightsOfTrust(trust, first.trustorId, new Set(claims.roleNumbers)), mints: ['trust', 'ec2 credential'] };
}

function limitsOfCredential(credential: ApplicationCredential, rules: readonly AccessRule[]): Pick<Rights, 'endsAt' | 'accessRules' | 'mints'> {
  return { endsAt: momentOf(credential.expiresAt), accessRules: rules.length === 0 ? null : rules, mints: mintsOfCredential(credential) };
}

function placeOf(scope: TokenScope): Rights['place'] {
  switch (scope.kind) {
    case 'unscoped':
      return 'nowhere';
    case 'project':
    case 'domain':
      return { kind: scope.kind, id: scope.id };
    case 'system':
      return { kind: 'system' };
    default:
      return scope satisfies never;
  }
}

