/**
 * What a region has heard of home about tokens and whoever has them: enough to judge every request without asking. It is in the region's own
 * database too, so that a region that is cut off, and even restarted meanwhile, goes on serving.
 */
import { unseal } from '../../contract/intercloud/federation/invitations.ts';
import type { TokenKey } from '../../contract/intercloud/federation/feed.ts';
import type { Clock } from '../../kit/clock.ts';
import type { Database, Transaction } from '../../kit/postgres/database.ts';
import type { AccessRule } from '../identity/delegation.ts';
import type { Known } from '../identity/tokens.ts';
import { longestTokenMs, expiredWindowMs } from '../identity/token-format.ts';
import { addRevocations, deleteRevocations, readSnapshot, replaceKeys, replaceRoles, replaceStanding, type Standing } from './snapshot.store.ts';

/** What the news say about tokens. */
type Told = {
  keys?: string;
  roles?: { number: number; name: string }[];
  revocations: { id: number; subject: string; at: string }[];
  standing?: Standing;
};

export type RegionDirectory = Known & {
  /** Whether anything was ever heard of home; without, no token can be judged. */
  readonly informed: boolean;
  /** Whether this region is not offered to the customers of this domain. */
  isClosedTo(domainId: string): boolean;
  /** What a credential is good for, as soon as it is known; undefined: nothing was heard of it in time. */
  rulesOf(credentialId: string): readonly AccessRule[] | Promise<readonly AccessRule[] | undefined>;
  /** Whom to ask for help at this host. */
  faceAt(hostName: string): { name: string; support: string } | undefined;
  /** Remembers what was remembered before this process began. */
  load(): Promise<void>;
  /** Writes news down; they count once that is committed. */
  take(tx: Transaction, told: Told): Promise<void>;
};

const scope = { kind: 'system', reason: 'what a region remembers about tokens' } as const;
const tidyEveryMs = 3_600_000;
// Who has just made a credential may be quicker than the news of it.
const newsWithinMs = 2_000;

export function createRegionDirectory({ database, clock, sealKey }: { database: Database; clock: Clock; sealKey: Buffer }): RegionDirectory {
  let changes = 0;
  let keys = new Map<number, Buffer>();
  let roleNames = new Map<number, string>();
  const revokedAt = new Map<string, number>();
  let tidiedAt = clock.now().getTime();
  let closedTo = new Set<string>();
  let rules = new Map<string, readonly AccessRule[]>();
  let faces = new Map<string, { name: string; support: string }>();
  let nextNews = Promise.withResolvers<void>();

  function stand(standing: Standing): void {
    closedTo = new Set(standing.closed_to);
    rules = new Map(standing.access_rules.map((each) => [each.credential, each.rules]));
    faces = new Map(standing.faces.map(({ host, name, support }) => [host, { name, support }]));
  }

  async function heardRulesOf(credentialId: string): Promise<readonly AccessRule[] | undefined> {
    const patience = new AbortController();
    const over = clock.after(newsWithinMs, patience.signal).then(() => true, () => true);
    for (let late = false; !late && !rules.has(credentialId); ) late = await Promise.race([over, nextNews.promise.then(() => false)]);
    patience.abort();
    return rules.get(credentialId);
  }

  function remember(revocations: readonly { id: number; subject: string }[]): void {
    for (const { id, subject } of revocations) if (id > (revokedAt.get(subject) ?? 0)) revokedAt.set(subject, id);
  }

  return {
    get changes() {
      return changes;
    },
    get informed() {
      return keys.size > 0;
    },
    key: (id) => keys.get(id),
    signingKey() {
      throw new Error('Only home issues tokens');
    },
    roleName: (number) => roleNames.get(number),
    isRevokedAfter: (epoch, subjects) => subjects.some((subject) => (revokedAt.get(subject) ?? 0) > epoch),
    async load() {
      const snapshot = await database.read(scope, readSnapshot);
      keys = new Map(snapshot.keys.map(({ id, secret }) => [id, secret]));
      roleNames = new Map(snapshot.roles.map(({ number, name }) => [number, name]));
      remember(snapshot.revocations);
      if (snapshot.standing) stand(snapshot.standing);
      changes += 1;
    },
    isClosedTo: (domainId) => closedTo.has(domainId),
    rulesOf: (credentialId) => rules.get(credentialId) ?? heardRulesOf(credentialId),
    faceAt: (hostName) => faces.get(hostName),
    async take(tx, told) {
      const opened = told.keys === undefined ? undefined : (unseal(sealKey, told.keys) as TokenKey[]).map(({ id, secret }) => ({ id, secret: Buffer.from(secret, 'base64url') }));
      if (opened) await replaceKeys(tx, opened);
      if (told.roles) await replaceRoles(tx, told.roles);
      if (told.standing) await replaceStanding(tx, told.standing);
      await addRevocations(tx, told.revocations);
      const now = clock.now().getTime();
      if (now - tidiedAt >= tidyEveryMs) await deleteRevocations(tx, new Date(now - longestTokenMs - expiredWindowMs - tidyEveryMs));
      tx.afterCommit(() => {
        if (opened) keys = new Map(opened.map(({ id, secret }) => [id, secret]));
        if (told.roles) roleNames = new Map(told.roles.map(({ number, name }) => [number, name]));
        if (told.standing) stand(told.standing);
        remember(told.revocations);
        nextNews.resolve();
        nextNews = Promise.withResolvers();
        if (now - tidiedAt >= tidyEveryMs) tidiedAt = now;
        if (opened || told.roles || told.revocations.length > 0) changes += 1;
      });
    },
  };
}
