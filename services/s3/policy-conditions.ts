/**
 * Conditions of policies, but those of addresses: the operators are of IAM's reference ("Condition operators"), the names of
 * what is compared of S3's ("Condition keys for Amazon S3"). What is not known here is refused when the policy is brought.
 */
import { notImplemented, refused } from './refusals.ts';

/** `name` in small letters, but the name of a tag as it is. */
export type Condition = { operator: string; isOptional: boolean; name: string; values: readonly string[] };
/** Undefined: the request says nothing of it. Null: nobody can say at this place, and nothing may be allowed by it. */
export type Saying = (name: string) => string | undefined | null;

type Test = (said: string, value: string) => boolean;
const compared = (test: (said: number, value: number) => boolean, of: (text: string) => number): Test => (said, value) => test(of(said), of(value));
const comparisons: Readonly<Record<string, (said: number, value: number) => boolean>> = {
  Equals: (said, value) => said === value,
  LessThan: (said, value) => said < value,
  LessThanEquals: (said, value) => said <= value,
  GreaterThan: (said, value) => said > value,
  GreaterThanEquals: (said, value) => said >= value,
};
const numberOf = (text: string) => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : NaN);
const momentOf = (text: string) => (/^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text));
const byKind = (kind: string, of: (text: string) => number) => Object.fromEntries(Object.entries(comparisons).map(([name, test]): [string, Test] => [`${kind}${name}`, compared(test, of)]));

/** What is demanded of one of the values; with `Not` in the name, of none. */
const tests: Readonly<Record<string, Test>> = {
  StringEquals: (said, value) => said === value,
  StringEqualsIgnoreCase: (said, value) => said.toLowerCase() === value.toLowerCase(),
  StringLike: (said, value) => matches(value, said),
  Bool: (said, value) => said === value.toLowerCase(),
  ...byKind('Numeric', numberOf),
  ...byKind('Date', momentOf),
};
const negations: Readonly<Record<string, string>> = { StringNotEquals: 'StringEquals', StringNotEqualsIgnoreCase: 'StringEqualsIgnoreCase', StringNotLike: 'StringLike', NumericNotEquals: 'NumericEquals', DateNotEquals: 'DateEquals' };

const names = new Set([
  'aws:referer', 'aws:useragent', 'aws:securetransport', 'aws:currenttime', 'aws:epochtime', 'aws:userid', 'aws:principalaccount',
  's3:prefix', 's3:delimiter', 's3:max-keys', 's3:versionid',
  ...['acl', 'copy-source', 'metadata-directive', 'storage-class', 'server-side-encryption', 'content-sha256', 'grant-read', 'grant-write', 'grant-read-acp', 'grant-write-acp', 'grant-full-control'].map((each) => `s3:x-amz-${each}`),
]);
const ofTag = /^s3:(existingobjecttag|requestobjecttag)\/(.+)$/s;

export function readCondition(operator: string, key: string, values: readonly string[]): Condition {
  const base = operator.replace(/IfExists$/, '');
  const name = /^s3:\w+objecttag\//i.test(key) ? key.replace(/^[^/]*/, (each) => each.toLowerCase()) : key.toLowerCase();
  if (!Object.hasOwn(tests, base) && !Object.hasOwn(negations, base) && operator !== 'Null') throw notImplemented(`The condition operator ${operator.slice(0, 60)} in a policy`);
  if (!names.has(name) && !ofTag.test(name)) throw notImplemented(`The condition key ${key.slice(0, 60)} in a policy`);
  const of = base.startsWith('Numeric') ? numberOf : base.startsWith('Date') ? momentOf : undefined;
  const isWrong = (value: string) => (of === undefined ? (operator === 'Null' || base === 'Bool') && !/^(true|false)$/i.test(value) : Number.isNaN(of(value)));
  if (values.some(isWrong)) throw refused('MalformedPolicy', `Invalid value in the condition ${operator} of ${key.slice(0, 60)}`);
  return { operator: base, isOptional: base !== operator, name, values };
}

export function areMet(conditions: readonly Condition[], saying: Saying): boolean {
  return conditions.every(({ operator, isOptional, name, values }) => {
    const said = saying(name);
    if (said === null) return false;
    if (operator === 'Null') return values.some((value) => (value.toLowerCase() === 'true') === (said === undefined));
    const denied = negations[operator];
    if (said === undefined) return isOptional || denied !== undefined;
    return values.some((value) => tests[denied ?? operator]!(said, value)) === (denied === undefined);
  });
}

/** The name of a tag, where that is what is compared. */
export function tagIn(name: string, of: 'existing' | 'request'): string | undefined {
  const [, kind, tag] = ofTag.exec(name) ?? [];
  return kind === `${of}objecttag` ? tag : undefined;
}

/** `*` is any text and `?` any letter; both sides go forward only, so that no pattern takes long (ATTACKS 40). */
export function matches(pattern: string, text: string): boolean {
  let [at, place, star, mark] = [0, 0, -1, 0];
  while (place < text.length) {
    if (pattern[at] === '*') [star, mark, at] = [at, place, at + 1];
    else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[place])) [at, place] = [at + 1, place + 1];
    else if (star >= 0) [at, mark, place] = [star + 1, mark + 1, mark + 1];
    else return false;
  }
  return [...pattern.slice(at)].every((letter) => letter === '*');
}
