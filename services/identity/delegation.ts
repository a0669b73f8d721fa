/**
 * Whether what is handed on is a part of what whoever hands it on has. Every door that makes a token, a trust or a
 * credential asks here, and nothing else decides it (ATTACKS 13, 14); `rights.ts` says who has which rights.
 */
import type { Fault } from '../../kit/fault.ts';
import type { Place } from './places.ts';

export type AccessRule = { service: string; method: string; path: string };

/** What can be made of somebody's rights. */
export const mintable = ['token', 'trust', 'application credential', 'ec2 credential', 'access token'] as const;
export type Mintable = (typeof mintable)[number];

/** What a token, a trust or a credential gives at most. */
export type Rights = {
  /** Whose they are in the end: what that user loses, everybody loses who has it from them. */
  ownerId: string;
  place: Place | 'nowhere' | 'anywhere';
  /** By number; `any`: all that the owner has there. */
  roles: ReadonlySet<number> | 'any';
  /** Null: not by itself. */
  endsAt: Date | null;
  /** Null: for every request. */
  accessRules: readonly AccessRule[] | null;
  /** Whether it is used in the owner's name. */
  impersonation: boolean;
  /** How many trusts may follow one upon another. */
  redelegations: number;
  /** What may be made of them. */
  mints: readonly Mintable[];
};

export type Wish = Rights & { kind: Mintable };

export type Excess = 'kind' | 'depth' | 'owner' | 'place' | 'end' | 'roles' | 'impersonation' | 'access rules';

/** What of the wish is more than these rights; undefined: nothing. */
export function excessOf(wish: Wish, rights: Rights): Excess | undefined {
  if (!rights.mints.includes(wish.kind)) return 'kind';
  // A trust is one step; whatever else is made of rights is none.
  if (wish.redelegations > rights.redelegations - (wish.kind === 'trust' ? 1 : 0)) return 'depth';
  if (wish.ownerId !== rights.ownerId) return 'owner';
  if (!isPlaceWithin(wish.place, rights.place)) return 'place';
  if (rights.endsAt !== null && (wish.endsAt === null || wish.endsAt > rights.endsAt)) return 'end';
  if (!areRolesWithin(wish.roles, rights.roles)) return 'roles';
  if (wish.impersonation && !rights.impersonation) return 'impersonation';
  if (!areRulesWithin(wish.accessRules, rights.accessRules)) return 'access rules';
  return undefined;
}

/** Refuses in the words of whoever asks. */
export function demandWithin(wish: Wish, rights: Rights, refusal: (excess: Excess) => Fault): void {
  const excess = excessOf(wish, rights);
  if (excess !== undefined) throw refusal(excess);
}

function isPlaceWithin(place: Rights['place'], limit: Rights['place']): boolean {
  if (limit === 'anywhere' || place === 'nowhere') return true;
  if (place === 'anywhere' || limit === 'nowhere') return false;
  return place.kind === limit.kind && idOf(place) === idOf(limit);
}

function idOf(place: Place): string {
  return place.kind === 'system' ? '' : place.id;
}

function areRolesWithin(roles: Rights['roles'], limit: Rights['roles']): boolean {
  return limit === 'any' || (roles !== 'any' && roles.isSubsetOf(limit));
}

/** The same rules, or some of them: what a pattern covers is not guessed at. */
function areRulesWithin(rules: Rights['accessRules'], limit: Rights['accessRules']): boolean {
  if (limit === null) return true;
  return rules !== null && rules.every((rule) => limit.some(({ service, method, path }) => service === rule.service && method === rule.method && path === rule.path));
}
