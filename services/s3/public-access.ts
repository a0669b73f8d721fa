/** The public kept out of a bucket: API_PutPublicAccessBlock. */
import { headerOf, type IncomingHeaders } from '../object-store/header-text.ts';
import { hasNoLists, listsNotSupported } from '../object-store/ownership.ts';
import { demandNothingPublic, publicAccessOf, type PublicAccessBlock } from '../object-store/public-access.ts';
import { wishedGrants, type Grant } from './grants.ts';
import type { Here } from './places.ts';
import { demandOnly, document, malformed, parse, textOf } from './xml.ts';

const names = { BlockPublicAcls: 'blockPublicAcls', IgnorePublicAcls: 'ignorePublicAcls', BlockPublicPolicy: 'blockPublicPolicy', RestrictPublicBuckets: 'restrictPublicBuckets' } as const;
const entries = Object.entries(names) as [keyof typeof names, keyof PublicAccessBlock][];

export function publicAccessDocument(block: PublicAccessBlock): string {
  return document('PublicAccessBlockConfiguration', Object.fromEntries(entries.map(([name, key]) => [name, block[key]])));
}

/** What is not said is false. */
export function readPublicAccess(text: string): PublicAccessBlock {
  const root = parse(text, 'PublicAccessBlockConfiguration');
  demandOnly(root, Object.keys(names));
  const flag = (name: string) => {
    const said = textOf(root, name)?.toLowerCase() ?? 'false';
    if (said !== 'true' && said !== 'false') throw malformed();
    return said === 'true';
  };
  return Object.fromEntries(entries.map(([name, key]) => [key, flag(name)])) as PublicAccessBlock;
}

const isPublic = ({ grantee }: Grant) => typeof grantee !== 'object';

/** What is granted of an object that is being written. */
export function grantsOfNew({ container, projectId }: Pick<Here, 'container' | 'projectId'>, headers: IncomingHeaders): readonly Grant[] {
  const wished = wishedGrants(headers, projectId);
  if (wished && hasNoLists(container) && headerOf(headers, 'x-amz-acl') !== 'bucket-owner-full-control') throw listsNotSupported();
  return demandGrantable(container, wished ?? []);
}

/** As they are to be written. */
export function demandGrantable(container: { facts: Readonly<Record<string, unknown>> }, grants: readonly Grant[]): readonly Grant[] {
  if (grants.length > 0 && hasNoLists(container)) throw listsNotSupported();
  if (grants.some(isPublic)) demandNothingPublic(container);
  return grants;
}

/** Those that count. */
export function countingGrants(container: { facts: Readonly<Record<string, unknown>> }, grants: readonly Grant[]): readonly Grant[] {
  if (hasNoLists(container)) return [];
  return publicAccessOf(container)?.ignorePublicAcls ? grants.filter((grant) => !isPublic(grant)) : grants;
}
