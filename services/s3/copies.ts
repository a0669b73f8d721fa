/** Objects that are made of others: API_CopyObject. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { objects as contract } from '../../contract/s3/objects.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { conditionOf } from '../object-store/conditions.ts';
import { headerOf } from '../object-store/header-text.ts';
import { contentOf, getObject, keeping, type Content, type StoredObject } from '../object-store/objects.ts';
import { writeAt } from '../object-store/object-writes.ts';
import { decoded } from '../object-store/paths.ts';
import { downloadOf } from '../object-store/reading.ts';
import { receive } from '../object-store/uploads.ts';
import { quoted, timeText, xmlAnswer } from './answers.ts';
import { elementOf } from './checksums.ts';
import { checksumOf, describedIn } from './descriptions.ts';
import { versionAt } from './fetching.ts';
import type { BodyRequest, S3Parts } from './incoming.ts';
import { enter, type Here } from './places.ts';
import { grantsOfNew } from './public-access.ts';
import { refused } from './refusals.ts';
import { wishedLock } from './retentions.ts';
import { tagsOf, tagsOfHeader } from './tags.ts';
import { conditionOfWrite } from './write-conditions.ts';

export type Source = { here: Here; object: StoredObject; bucket: string; key: string; version: string | undefined };

/** `[/]bucket/key[?versionId=…]`, quoted as in an address; with the right to read it, and as it must be. */
export async function sourceOf(request: BodyRequest, text: string): Promise<Source> {
  const [path = '', version] = text.split('?versionId=');
  const [, bucket, key] = /^\/?([^/]+)\/(.+)$/s.exec(decoded(path)) ?? [];
  if (bucket === undefined || key === undefined) throw refused('InvalidArgument', 'Copy Source must mention the source bucket and key: sourcebucket/sourcekey');
  const here = await enter(request, bucket, { operation: contract.get, list: 'read', action: version === undefined ? 's3:GetObject' : 's3:GetObjectVersion', key, version, permission: 'READ' });
  const object = await versionAt(here, key, version);
  const condition = conditionOf((name) => headerOf(request.headers, `x-amz-copy-source-${name}`), { etags: [object.etag], modifiedAt: object.writtenAt });
  if (condition !== 'met') throw refused('PreconditionFailed');
  return { here, object, bucket, key, version };
}

export async function copyObject(parts: S3Parts, request: BodyRequest, bucket: string, key: string, text: string): Promise<Answer<Buffer>> {
  const { headers, now } = request;
  const here = await enter(request, bucket, { operation: contract.put, list: 'write', action: 's3:PutObject', key });
  const source = await sourceOf(request, text);
  const { object } = source;
  const [isReplaced, areTagsReplaced] = [directive('metadata'), directive('tagging')];
  const isSame = source.here.projectId === here.projectId && source.here.container.id === here.container.id && source.key === key && source.version === undefined;
  if (isSame && !isReplaced && !areTagsReplaced) throw refused('InvalidRequest', 'This copy request is illegal because it is trying to copy an object to itself without changing the object’s metadata, storage class, website redirect location or encryption attributes.');
  const given = describedIn(headers, now);
  const described = isReplaced ? given : { headers: withoutManifest(object.headers), contentType: object.contentType };
  const grants = grantsOfNew(here, headers);
  const tags = areTagsReplaced ? tagsOfHeader(headerOf(headers, 'x-amz-tagging') ?? '') : tagsOf(object);
  const checksum = checksumOf(object);
  const facts = { ...(Object.keys(tags).length === 0 ? {} : { tags }), ...(grants.length === 0 ? {} : { grants }), ...(checksum ? { checksum } : {}), ...wishedLock(headers, here.container, now) };
  const to = { container: here.container.name, object: key };
  const condition = conditionOfWrite(headers);
  const written = await write();
  return xmlAnswer(
    'CopyObjectResult',
    { LastModified: timeText(now), ETag: quoted(written.etag), ...(checksum ? { [elementOf(checksum.algorithm)]: checksum.value, ChecksumType: checksum.type } : {}) },
    { ...(here.container.versioning === 'off' ? {} : { 'x-amz-version-id': written.version }), ...(source.here.container.versioning === 'off' ? {} : { 'x-amz-copy-source-version-id': object.version }) },
  );

  async function write(): Promise<{ version: string; etag: string }> {
    if (source.here.projectId === here.projectId && (object.kind === 'plain' || object.kind === 'parts'))
      return here.commit(async (context) => {
        const again = await getObject(context, source.here.container, source.key, source.version);
        const content: Content = { ...(await contentOf(context, again)), ...described, facts, deleteAt: null };
        return { etag: again.etag, ...(await writeAt(context, here, to, content, (container) => condition(context, container, key))) };
      });
    const download = await downloadOf(parts.bodies, source.here, object);
    if (download.sizeBytes > limits.max_file_size) throw refused('InvalidRequest', 'The specified copy source is larger than the maximum allowable size for a copy source: 5368709120');
    const received = await receive(parts.bodies, request, download.read());
    const made = await keeping(parts.bodies, received, () => here.commit((context) => writeAt(context, here, to, { ...described, kind: 'plain', facts, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 }, (container) => condition(context, container, key))));
    return { ...made, etag: received.md5 };
  }

  function directive(name: 'metadata' | 'tagging'): boolean {
    const wished = headerOf(headers, `x-amz-${name}-directive`) ?? 'COPY';
    if (wished !== 'COPY' && wished !== 'REPLACE') throw refused('InvalidArgument', `Unknown ${name} directive.`);
    return wished === 'REPLACE';
  }
}

function withoutManifest(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { 'x-object-manifest': _, ...others } = headers;
  return others;
}

