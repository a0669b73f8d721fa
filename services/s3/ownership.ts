/** Ownership of what others bring: API_OwnershipControls. Here it is always the bucket's; `ObjectWriter` would be a promise that is not kept. */
import type { HeaderChanges } from '../object-store/accounts.ts';
import { ownerships, type Ownership } from '../object-store/ownership.ts';
import { notImplemented, refused } from './refusals.ts';
import { childrenOf, demandOnly, document, malformed, parse, textOf } from './xml.ts';

export function ownershipDocument(ownership: Ownership): string {
  return document('OwnershipControls', { Rule: { ObjectOwnership: ownership } });
}

export function readOwnership(text: string): Ownership {
  const root = parse(text, 'OwnershipControls');
  demandOnly(root, ['Rule']);
  const [rule, ...more] = childrenOf(root, 'Rule');
  if (!rule || more.length > 0) throw malformed();
  return ownershipNamed(textOf(rule, 'ObjectOwnership') ?? '', malformed);
}

export function ownershipNamed(name: string, wrong: () => Error): Ownership {
  if (name === 'ObjectWriter') throw notImplemented('Objects that are owned by who writes them');
  const found = ownerships.find((each) => each === name);
  if (!found) throw wrong();
  return found;
}

/** Lists are shut off only where there are none. */
export function demandPossible(ownership: Ownership, { headers }: { headers: HeaderChanges }): Ownership {
  if (ownership === 'BucketOwnerEnforced' && (headers['x-container-read'] || headers['x-container-write'])) throw refused('InvalidBucketAclWithObjectOwnership');
  return ownership;
}
