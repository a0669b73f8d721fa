/** Whose what others bring is, and whether lists and grants say anything: about-object-ownership of S3's guide. */
import { Fault } from '../../kit/fault.ts';

type WithFacts = { facts: Readonly<Record<string, unknown>> };

/** All objects are the container's owner's; with the first, lists and grants are shut off. */
export const ownerships = ['BucketOwnerEnforced', 'BucketOwnerPreferred'] as const;
export type Ownership = (typeof ownerships)[number];

export function ownershipOf({ facts }: WithFacts): Ownership | undefined {
  return facts['objectOwnership'] as Ownership | undefined;
}

export function hasNoLists(container: WithFacts): boolean {
  return ownershipOf(container) === 'BucketOwnerEnforced';
}

export function listsNotSupported(): Fault {
  return new Fault(400, 'AccessControlListNotSupported', 'The bucket does not allow ACLs.');
}
