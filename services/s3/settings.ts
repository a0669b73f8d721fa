/** What is kept of a bucket besides its objects, by the name of its parameter: how it is shown, changed and taken away. */
import { buckets as contract } from '../../contract/s3/buckets.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { conflict } from '../../kit/fault.ts';
import { getContainer, noteContainerFacts, setVersioning, updateContainer } from '../object-store/containers.ts';
import { hasNoLists, listsNotSupported, ownershipOf } from '../object-store/ownership.ts';
import { publicAccessOf } from '../object-store/public-access.ts';
import { emptyAnswer, textAnswer, xmlAnswer } from './answers.ts';
import { corsDocument, corsOf, readCors } from './cross-origin.ts';
import { aclDocument, grantsOfBucket, listsFor, readGrants, wishedGrants } from './grants.ts';
import { takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { lifecycleDocument, lifecycleOf, readLifecycle } from './lifecycles.ts';
import { enterAsOwner, type Here } from './places.ts';
import { demandPossible, ownershipDocument, readOwnership } from './ownership.ts';
import { isPublic, policyOf, readPolicy } from './policies.ts';
import { publicAccessDocument, readPublicAccess } from './public-access.ts';
import { notImplemented, refused } from './refusals.ts';
import type { Reason } from '../../contract/s3/reasons.ts';
import { objectLockDocument, objectLockOf, readObjectLock } from './retentions.ts';
import { readTags, tagsDocument, type Tags } from './tags.ts';
import { demandOnly, parse, textOf } from './xml.ts';

type Setting = {
  show(here: Here, parts: S3Parts): Answer<Buffer>;
  /** What to change, of a document that came. */
  change?(here: Here, text: string, request: BodyRequest): Change;
  remove?: Change;
};

/** Facts of the container, or what has a way of its own. */
type Change = { facts?: Record<string, unknown>; versioning?: 'enabled' | 'suspended'; headers?: Record<string, string | null> };

const mostBytes = 1024 * 1024;
const xml = (text: string) => textAnswer(text, 'application/xml');

/** Shown where it was set, and said to be missing where it was not. */
function kept<T>(name: string, { of, missing, text }: { of(here: Here['container']): T | undefined; missing: Reason; text(value: T): string }): Pick<Setting, 'show' | 'remove'> {
  return {
    show({ container }) {
      const value = of(container);
      if (value === undefined) throw refused(missing);
      return xml(text(value));
    },
    remove: { facts: { [name]: null } },
  };
}

const bucketTags = ({ facts }: { facts: Readonly<Record<string, unknown>> }) => facts['tags'] as Tags | undefined;

export const settings: Readonly<Record<string, Setting>> = {
  location: { show: (_here, { region }) => xmlAnswer('LocationConstraint', region) },
  versioning: {
    show: ({ container }) => xmlAnswer('VersioningConfiguration', { Status: container.versioning === 'off' ? null : container.versioning === 'enabled' ? 'Enabled' : 'Suspended' }),
    change(_here, text) {
      const root = parse(text, 'VersioningConfiguration');
      demandOnly(root, ['Status', 'MfaDelete']);
      if (textOf(root, 'MfaDelete') === 'Enabled') throw notImplemented('MFA delete');
      const status = textOf(root, 'Status');
      if (status !== 'Enabled' && status !== 'Suspended') throw refused('MalformedXML');
      return { versioning: status === 'Enabled' ? 'enabled' : 'suspended' };
    },
  },
  acl: {
    show: (here) => xml(aclDocument(here.projectId, grantsOfBucket(here.container))),
    change({ container, projectId }, text, { headers }) {
      if (hasNoLists(container)) throw listsNotSupported();
      return { headers: listsFor(wishedGrants(headers, projectId) ?? readGrants(text, projectId)) };
    },
  },
  policy: {
    show({ container }) {
      const policy = policyOf(container);
      if (!policy) throw refused('NoSuchBucketPolicy');
      return textAnswer(policy.text, 'application/json');
    },
    change({ container }, text) {
      const policy = readPolicy(text, container.name);
      if (publicAccessOf(container)?.blockPublicPolicy && isPublic(policy)) throw refused('AccessDenied');
      return { facts: { policy } };
    },
    remove: { facts: { policy: null } },
  },
  policyStatus: {
    show({ container }) {
      const policy = policyOf(container);
      if (!policy) throw refused('NoSuchBucketPolicy');
      return xmlAnswer('PolicyStatus', { IsPublic: isPublic(policy) });
    },
  },
  ownershipControls: {
    ...kept('objectOwnership', { of: ownershipOf, missing: 'OwnershipControlsNotFoundError', text: ownershipDocument }),
    change: ({ container }, text) => ({ facts: { objectOwnership: demandPossible(readOwnership(text), container) } }),
  },
  publicAccessBlock: { ...kept('publicAccessBlock', { of: publicAccessOf, missing: 'NoSuchPublicAccessBlockConfiguration', text: publicAccessDocument }), change: (_here, text) => ({ facts: { publicAccessBlock: readPublicAccess(text) } }) },
  cors: { ...kept('cors', { of: corsOf, missing: 'NoSuchCORSConfiguration', text: corsDocument }), change: (_here, text) => ({ facts: { cors: readCors(text) } }) },
  lifecycle: { ...kept('lifecycle', { of: lifecycleOf, missing: 'NoSuchLifecycleConfiguration', text: lifecycleDocument }), change: (_here, text) => ({ facts: { lifecycle: readLifecycle(text) } }) },
  tagging: { ...kept('tags', { of: bucketTags, missing: 'NoSuchTagSet', text: tagsDocument }), change: (_here, text) => ({ facts: { tags: readTags(text, 'bucket') } }) },
  'object-lock': {
    show({ container }) {
      const lock = objectLockOf(container);
      if (!lock) throw refused('ObjectLockConfigurationNotFoundError');
      return xml(objectLockDocument(lock));
    },
    change({ container }, text) {
      const objectLock = readObjectLock(text);
      if (container.versioning !== 'enabled') throw refused('InvalidBucketState', 'Versioning must be \'Enabled\' on the bucket to apply a Object Lock configuration');
      return { facts: { objectLock } };
    },
  },
  requestPayment: { show: () => xmlAnswer('RequestPaymentConfiguration', { Payer: 'BucketOwner' }) },
  website: { show() { throw refused('NoSuchWebsiteConfiguration'); } },
  encryption: { show() { throw refused('ServerSideEncryptionConfigurationNotFoundError'); } },
};

/** What Amazon has, and this store does not. */
const absent = ['accelerate', 'analytics', 'intelligent-tiering', 'inventory', 'logging', 'metrics', 'notification', 'replication', 'metadataTable', 'abac', 'metadataConfiguration'];

/** The setting that the query names; undefined: it names none. */
export function settingIn(query: Readonly<Record<string, unknown>>): { name: string; setting: Setting } | undefined {
  for (const name of absent) if (name in query) throw notImplemented(`The setting ${name} of a bucket`);
  const name = Object.keys(settings).find((each) => each in query);
  return name === undefined ? undefined : { name, setting: settings[name]! };
}

export async function showSetting(parts: S3Parts, request: BodyRequest, bucket: string, { setting }: { setting: Setting }): Promise<Answer<Buffer>> {
  return setting.show(await enterAsOwner(request, bucket, contract.get), parts);
}

export async function changeSetting(parts: S3Parts, request: BodyRequest, bucket: string, { name, setting }: { name: string; setting: Setting }): Promise<Answer<Buffer>> {
  const here = await enterAsOwner(request, bucket, contract.put);
  if (!setting.change) throw notImplemented(`To change the setting ${name} of a bucket`);
  const text = await takeText(parts, request, mostBytes);
  await apply(here, setting.change(here, text, request));
  return emptyAnswer(name === 'policy' ? 204 : 200);
}

export async function removeSetting(request: BodyRequest, bucket: string, { name, setting }: { name: string; setting: Setting }): Promise<Answer<Buffer>> {
  const here = await enterAsOwner(request, bucket, contract.delete);
  if (!setting.remove) throw name in { website: 0, encryption: 0 } ? notImplemented(`The setting ${name} of a bucket`) : refused('MethodNotAllowed');
  await apply(here, setting.remove);
  return emptyAnswer(204);
}

function apply(here: Here, { facts, versioning, headers }: Change): Promise<void> {
  return here.commit(async (context) => {
    const container = await getContainer(context, here.container.name);
    if (facts) await noteContainerFacts(context, container, facts);
    if (headers) await updateContainer(context, container, headers);
    if (!versioning) return;
    if ((container.headers['x-versions-location'] ?? container.headers['x-history-location']) !== undefined) throw conflict('The older versions of this bucket are in another one, as was said at Swift’s door.', 'InvalidBucketState');
    await setVersioning(context, container, versioning);
  });
}
