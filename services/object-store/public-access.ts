/** What the owner of a container has shut for the public, whatever lists and policies say: API_PublicAccessBlockConfiguration. */
import { Fault } from '../../kit/fault.ts';
import { readAccessList, type AccessList } from './access-lists.ts';
import type { HeaderChanges } from './accounts.ts';
import { hasNoLists, listsNotSupported } from './ownership.ts';

export type PublicAccessBlock = {
  /** Nothing public is to be written into lists and grants. */
  blockPublicAcls: boolean;
  /** What is public in lists and grants does not count. */
  ignorePublicAcls: boolean;
  blockPublicPolicy: boolean;
  /** By a policy that is public only the owner's project comes in. */
  restrictPublicBuckets: boolean;
};

type WithFacts = { facts: Readonly<Record<string, unknown>> };

export function publicAccessOf({ facts }: WithFacts): PublicAccessBlock | undefined {
  return facts['publicAccessBlock'] as PublicAccessBlock | undefined;
}

/** What of a list counts. */
export function countingIn(list: AccessList, container: WithFacts | undefined): AccessList {
  return container && publicAccessOf(container)?.ignorePublicAcls ? { referrers: [], groups: list.groups.filter((group) => !isForAll(group)) } : list;
}

/** Refuses lists for everybody, or for everybody with a token; any, where there are to be none. */
export function demandAllowed(container: WithFacts, changes: HeaderChanges): void {
  for (const name of ['x-container-read', 'x-container-write']) {
    const { referrers, groups } = readAccessList(changes[name] ?? undefined);
    if (referrers.length + groups.length > 0 && hasNoLists(container)) throw listsNotSupported();
    if (referrers.some((each) => !each.startsWith('-')) || groups.some(isForAll)) demandNothingPublic(container);
  }
}

export function demandNothingPublic(container: WithFacts): void {
  if (publicAccessOf(container)?.blockPublicAcls) throw new Fault(403, 'AccessDenied', 'Access by the public is blocked here.');
}

function isForAll(group: string): boolean {
  return group === '*:*';
}
