/** Signed tokens: issuing and verifying need memory only (`directory.ts` keeps it current). */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, Random } from '../../kit/clock.ts';
import type { Caller } from '../../kit/http/caller.ts';
import type { Directory } from './directory.ts';
import type { Place } from './places.ts';
import { notAuthenticated } from './refusals.ts';
import { decodeClaims, encodeClaims, keyIdOf, type Claims, type Kind, type TokenScope } from './token-format.ts';

export type Tokens = {
  issue(claims: Omit<Claims, 'auditId'>): { token: string; claims: Claims };
  /** Undefined: forged, expired, or revoked. With `expiredWithinMs`, those that expired so recently are taken too. */
  verify(token: string, expiredWithinMs?: number): Claims | undefined;
  /** For every request: not of a token that is for some only. */
  callerOf(token: string): Caller | undefined;
  /** Both at once. */
  find(token: string): { claims: Claims; caller: Caller } | undefined;
  /** That somebody has proved a part of what is asked of them. */
  issueReceipt(claims: Omit<Claims, 'auditId'>): string;
  verifyReceipt(receipt: string): Claims | undefined;
};

const mostRemembered = 20_000;
const signatureBytes = 32;
// Two names of 255 characters with 4 bytes each still fit.
const shape = /^[A-Za-z0-9_-]{100,4096}$/;

type Verified = { claims: Claims; caller: Caller; goodAtChange: number };

/** What is asked of a directory: home's own, or what a region has heard of it. */
export type Known = Pick<Directory, 'changes' | 'key' | 'signingKey' | 'roleName' | 'isRevokedAfter'>;

export function createTokens({ clock, random, directory }: { clock: Clock; random: Random; directory: Known }): Tokens {
  const remembered = new Map<string, Verified>();

  function make(kind: Kind, given: Omit<Claims, 'auditId'>): { text: string; claims: Claims } {
    const { id, secret } = directory.signingKey(clock.now());
    const claims: Claims = { ...given, auditId: random.bytes(16).toString('base64url') };
    const signed = encodeClaims(kind, claims, id);
    return { text: Buffer.concat([signed, sign(signed, secret)]).toString('base64url'), claims };
  }

  function read(kind: Kind, text: string): Claims | undefined {
    if (!shape.test(text)) return undefined;
    const bytes = Buffer.from(text, 'base64url');
    const keyId = keyIdOf(kind, bytes);
    const key = keyId === undefined ? undefined : directory.key(keyId);
    if (!key) return undefined;
    const signed = bytes.subarray(0, -signatureBytes);
    if (!timingSafeEqual(bytes.subarray(-signatureBytes), sign(signed, key))) return undefined;
    const claims = decodeClaims(signed);
    return directory.isRevokedAfter(claims.epoch, subjectsOf(claims)) ? undefined : claims;
  }

  function look(token: string): Verified | undefined {
    const known = remembered.get(token);
    if (known) {
      if (known.goodAtChange === directory.changes) return known;
      remembered.delete(token);
    }
    const claims = read('token', token);
    if (!claims) return undefined;
    const verified = { claims, caller: asCaller(token, claims, directory), goodAtChange: directory.changes };
    // The oldest entry is the first one; to verify it again costs 15 microseconds.
    if (remembered.size >= mostRemembered) for (const oldest of remembered.keys()) { remembered.delete(oldest); break; }
    remembered.set(token, verified);
    return verified;
  }

  function lookInTime(token: string, expiredWithinMs: number): Verified | undefined {
    const verified = look(token);
    return verified && clock.now().getTime() < verified.claims.expiresAt.getTime() + expiredWithinMs ? verified : undefined;
  }

  return {
    issue(given) {
      const { text, claims } = make('token', given);
      return { token: text, claims };
    },
    verify: (token, expiredWithinMs = 0) => lookInTime(token, expiredWithinMs)?.claims,
    callerOf(token) {
      const found = lookInTime(token, 0);
      return found?.claims.applicationCredential?.limited ? undefined : found?.caller;
    },
    find: (token) => lookInTime(token, 0),
    issueReceipt: (given) => make('receipt', given).text,
    verifyReceipt(receipt) {
      const claims = read('receipt', receipt);
      return claims && clock.now() < claims.expiresAt ? claims : undefined;
    },
  };
}

/** What the caller's own token says. */
export function claimsOf(tokens: Tokens, { token }: Caller): Claims {
  const claims = tokens.verify(token);
  // It was good when the request arrived, and ended since.
  if (!claims) throw notAuthenticated();
  return claims;
}

/** Everything whose end is this token's end. */
export function subjectsOf(claims: Claims): string[] {
  const { scope } = claims;
  const subjects = [`token:${claims.auditId}`, `user:${claims.userId}`, `domain:${claims.userDomainId}`];
  if (claims.applicationCredential) subjects.push(`credential:${claims.applicationCredential.id}`);
  if (claims.trustId !== undefined) subjects.push(`trust:${claims.trustId}`);
  if (claims.accessTokenId !== undefined) subjects.push(`access_token:${claims.accessTokenId}`);
  if (claims.ec2CredentialId !== undefined) subjects.push(`ec2:${claims.ec2CredentialId}`);
  if (scope.kind === 'project') subjects.push(`project:${scope.id}`, `domain:${scope.domainId}`, heirSubject(claims.userId, scope.domainId));
  if (scope.kind === 'domain') subjects.push(`domain:${scope.id}`);
  if (scope.kind !== 'unscoped') subjects.push(grantSubject(claims.userId, scope), ...claims.roleNumbers.map(roleSubject));
  return subjects;
}

/** Tokens that carry a role, with all that it implied when they were issued. */
export function roleSubject(number: number): string {
  return `role:${number}`;
}

/** What a user's roles in the projects of a domain may come from: something that is inherited there. */
export function heirSubject(userId: string, domainId: string): string {
  return `heir:${userId}:${domainId}`;
}

/** What a user may do in one place. */
export function grantSubject(userId: string, place: Place | TokenScope): string {
  return `grant:${userId}:${place.kind}${'id' in place ? `:${place.id}` : ''}`;
}

function asCaller(token: string, claims: Claims, directory: Known): Caller {
  const { scope } = claims;
  const roles = new Set(claims.roleNumbers.flatMap((number) => directory.roleName(number) ?? []));
  return {
    userId: claims.userId,
    userName: claims.userName,
    userDomainId: claims.userDomainId,
    projectId: scope.kind === 'project' ? scope.id : null,
    projectName: scope.kind === 'project' ? scope.name : null,
    projectDomainId: scope.kind === 'project' ? scope.domainId : null,
    domainId: scope.kind === 'domain' ? scope.id : null,
    system: scope.kind === 'system',
    roles,
    isAdmin: roles.has('admin'),
    token,
    expiresAt: claims.expiresAt,
  };
}

function sign(bytes: Buffer, secret: Buffer): Buffer {
  return createHmac('sha256', secret).update(bytes).digest();
}
