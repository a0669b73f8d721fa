/** Tags of buckets and objects: API_Tag. */
import { refused } from './refusals.ts';
import { childOf, childrenOf, document, malformed, parse, textOf } from './xml.ts';

export type Tags = Readonly<Record<string, string>>;

const mostOfObject = 10;
const mostOfBucket = 50;

export function tagsOf({ facts }: { facts: Readonly<Record<string, unknown>> }): Tags {
  return (facts['tags'] as Tags | undefined) ?? {};
}

/** `x-amz-tagging`: as in a query. */
export function tagsOfHeader(text: string): Tags {
  const pairs = [...new URLSearchParams(text)];
  return checked(pairs, mostOfObject);
}

export function readTags(text: string, of: 'object' | 'bucket'): Tags {
  const set = childOf(parse(text, 'Tagging'), 'TagSet');
  if (!set) throw malformed();
  const pairs = childrenOf(set, 'Tag').map((tag): [string, string] => {
    const [key, value] = [textOf(tag, 'Key'), textOf(tag, 'Value')];
    if (key === undefined || value === undefined) throw malformed();
    return [key, value];
  });
  return checked(pairs, of === 'object' ? mostOfObject : mostOfBucket);
}

export function tagsDocument(tags: Tags): string {
  return document('Tagging', { TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) } });
}

function checked(pairs: readonly [string, string][], most: number): Tags {
  if (pairs.length > most) throw refused('InvalidTag', `Object tags cannot be greater than ${most}`);
  if (new Set(pairs.map(([key]) => key)).size < pairs.length) throw refused('InvalidTag', 'Cannot provide multiple Tags with the same key');
  const letters = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
  for (const [key, value] of pairs) {
    if (key === '' || [...key].length > 128 || !letters.test(key) || key.toLowerCase().startsWith('aws:')) throw refused('InvalidTag', 'The TagKey you have provided is invalid');
    if ([...value].length > 256 || !letters.test(value)) throw refused('InvalidTag', 'The TagValue you have provided is invalid');
  }
  return Object.fromEntries(pairs);
}
