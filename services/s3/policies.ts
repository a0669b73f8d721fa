/**
 * Policies of buckets, as far as they let others in: `Allow`, for everybody or projects or users, of what this door can do,
 * from some addresses, on conditions. What would not be kept is refused when it is brought, and never kept and not followed: a `Deny` would
 * be one, as it would say nothing at Swift's door.
 */
import { BlockList, isIPv6 } from 'node:net';
import { nobody, type Caller } from '../../kit/http/caller.ts';
import { areMet, matches, readCondition, tagIn, type Condition, type Saying } from './policy-conditions.ts';
import { notImplemented, refused } from './refusals.ts';

export const actions = ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:ListBucket', 's3:ListBucketVersions', 's3:ListBucketMultipartUploads', 's3:ListMultipartUploadParts', 's3:AbortMultipartUpload', 's3:GetBucketLocation', 's3:GetObjectTagging', 's3:PutObjectTagging', 's3:DeleteObjectTagging'] as const;
export type Action = (typeof actions)[number];

/** As it is understood; `text` is as it came. */
export type BucketPolicy = { text: string; statements: readonly Statement[] };
type Statement = { principals: readonly string[] | 'everybody'; actions: readonly string[]; keys: readonly string[]; isForBucket: boolean; addresses: readonly string[]; notAddresses: readonly string[]; /** Absent of what was brought before there were any. */ conditions?: readonly Condition[] };

const mostBytes = 20 * 1024;

export function policyOf({ facts }: { facts: Readonly<Record<string, unknown>> }): BucketPolicy | undefined {
  return facts['policy'] as BucketPolicy | undefined;
}

/** Whether anybody at all may do something by it. */
export function isPublic({ statements }: BucketPolicy): boolean {
  return statements.some(({ principals, addresses }) => principals === 'everybody' && addresses.length === 0);
}

/** Whether it has to be known how an object is tagged that is there already. */
export function asksForTags(policy: BucketPolicy | undefined): boolean {
  return (policy?.statements ?? []).some(({ conditions = [] }) => conditions.some(({ name }) => tagIn(name, 'existing') !== undefined));
}

/** Whatever object of the bucket it may be. */
export const everyKey = Symbol('every key');

export function allowsByPolicy(policy: BucketPolicy | undefined, { action, key, caller, address, saying }: { action: Action; key: string | typeof everyKey | undefined; caller: Caller; address: string; saying: Saying }): boolean {
  return (policy?.statements ?? []).some(
    ({ principals, actions, keys, isForBucket, addresses, notAddresses, conditions = [] }) =>
      (principals === 'everybody' || (caller !== nobody && principals.some((each) => each === caller.projectId || each === caller.userId))) &&
      actions.some((pattern) => matches(pattern, action)) &&
      (key === undefined ? isForBucket : keys.some((pattern) => (key === everyKey ? /^\*+$/.test(pattern) : matches(pattern, key)))) &&
      (addresses.length === 0 || isAmong(addresses, address)) &&
      !isAmong(notAddresses, address) &&
      areMet(conditions, saying),
  );
}

export function readPolicy(text: string, bucket: string): BucketPolicy {
  if (Buffer.byteLength(text) > mostBytes) throw refused('InvalidPolicyDocument', 'The policy is too large.');
  const { Version: version, Statement: given, ...more } = parsed(text);
  const unknown = Object.keys(more).filter((name) => name !== 'Id');
  if (unknown.length > 0) throw refused('MalformedPolicy', `Unknown field ${unknown[0]?.slice(0, 60)}`);
  if (version !== undefined && version !== '2012-10-17' && version !== '2008-10-17') throw refused('MalformedPolicy', 'The policy must contain a valid version string');
  const statements = Array.isArray(given) ? given : [given];
  if (statements.length === 0) throw refused('MalformedPolicy', 'Could not parse the policy: Statement is empty!');
  return { text, statements: statements.map((each) => statementOf(each, bucket)) };
}

function parsed(text: string): Record<string, unknown> {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw refused('MalformedPolicy', 'Policies must be valid JSON and the first byte must be \'{\'', { cause });
  }
  return objectOf(found);
}

function statementOf(given: unknown, bucket: string): Statement {
  const { Sid: _, Effect: effect, Principal: principal, Action: wished, Resource: resource, Condition: condition, ...more } = objectOf(given);
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw notImplemented(`${unknown.slice(0, 60)} in a policy`);
  if (effect === 'Deny') throw notImplemented('Deny in a policy');
  if (effect !== 'Allow') throw refused('MalformedPolicy', `Invalid effect: ${String(effect).slice(0, 60)}`);
  const named = textsOf(wished, 'Action');
  for (const pattern of named) if (!actions.some((each) => matches(pattern, each))) throw notImplemented(`The action ${pattern.slice(0, 60)} in a policy`);
  const resources = textsOf(resource, 'Resource').map((each) => {
    const [, name, key] = /^arn:aws:s3:::([^/]+)(?:\/(.*))?$/s.exec(each) ?? [];
    if (name !== bucket) throw refused('MalformedPolicy', 'Policy has invalid resource');
    return key;
  });
  return {
    principals: principalsOf(principal),
    actions: named,
    keys: resources.flatMap((key) => (key === undefined ? [] : [key])),
    isForBucket: resources.includes(undefined),
    ...conditionsOf(condition),
  };
}

function principalsOf(given: unknown): Statement['principals'] {
  if (given === '*') return 'everybody';
  const { AWS: named, ...more } = objectOf(given);
  if (Object.keys(more).length > 0) throw notImplemented('A principal of another kind than AWS in a policy');
  const all = textsOf(named, 'Principal');
  if (all.includes('*')) return 'everybody';
  return all.map((each) => {
    const [, id] = /^(?:arn:aws:iam::([\w.-]{1,64}):root|[\w.-]{1,64})$/.exec(each) ?? [];
    if (id === undefined && !/^[\w.-]{1,64}$/.test(each)) throw refused('MalformedPolicy', 'Invalid principal in policy');
    return id ?? each;
  });
}

function conditionsOf(given: unknown): Pick<Statement, 'addresses' | 'notAddresses' | 'conditions'> {
  const found: { addresses: string[]; notAddresses: string[]; conditions: Condition[] } = { addresses: [], notAddresses: [], conditions: [] };
  if (given === undefined) return found;
  for (const [operator, all] of Object.entries(objectOf(given)))
    for (const [key, value] of Object.entries(objectOf(all))) {
      const values = textsOf(typeof value === 'boolean' || typeof value === 'number' ? String(value) : value, 'Condition');
      if ((operator !== 'IpAddress' && operator !== 'NotIpAddress') || key.toLowerCase() !== 'aws:sourceip') {
        found.conditions.push(readCondition(operator, key, values));
        continue;
      }
      for (const network of values) if (!listOf([network])) throw refused('MalformedPolicy', 'Invalid IP address in Conditions');
      found[operator === 'IpAddress' ? 'addresses' : 'notAddresses'].push(...values);
    }
  return found;
}

function isAmong(networks: readonly string[], address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  return listOf(networks)?.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4') ?? false;
}

function listOf(networks: readonly string[]): BlockList | undefined {
  const list = new BlockList();
  try {
    for (const each of networks) {
      const [network = '', bits] = each.split('/');
      const family = isIPv6(network) ? 'ipv6' : 'ipv4';
      list.addSubnet(network, bits === undefined ? (family === 'ipv6' ? 128 : 32) : Number(bits), family);
    }
  } catch {
    // What is no network is said to be none.
    return undefined;
  }
  return list;
}

function textsOf(given: unknown, name: string): string[] {
  const all = Array.isArray(given) ? given : [given];
  if (all.length === 0 || all.some((each) => typeof each !== 'string')) throw refused('MalformedPolicy', `Missing or invalid ${name}`);
  return all as string[];
}

function objectOf(given: unknown): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refused('MalformedPolicy');
  return given as Record<string, unknown>;
}
