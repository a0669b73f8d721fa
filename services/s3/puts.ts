/** An object whose bytes come in one request: API_PutObject, and the file of a page's form. */
import { limits } from '../../contract/object-store/capabilities.ts';
import { objects as contract } from '../../contract/s3/objects.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { headerOf } from '../object-store/header-text.ts';
import { writeAt } from '../object-store/object-writes.ts';
import { keeping } from '../object-store/objects.ts';
import { demandRoom } from '../object-store/usage-limits.ts';
import { emptyAnswer, quoted } from './answers.ts';
import { checksumHeaders, describedIn } from './descriptions.ts';
import type { Bounds } from './form-policies.ts';
import { takeIn, type BodyRequest, type S3Parts } from './incoming.ts';
import { enter } from './places.ts';
import { grantsOfNew } from './public-access.ts';
import { refused } from './refusals.ts';
import { wishedLock } from './retentions.ts';
import { tagsOfHeader } from './tags.ts';
import { conditionOfWrite } from './write-conditions.ts';

/** `bounds`: of what does not say how much it is. */
export async function putObject(parts: S3Parts, request: BodyRequest, bucket: string, key: string, bounds?: Bounds): Promise<Answer<Buffer>> {
  const { headers, now } = request;
  const here = await enter(request, bucket, { operation: contract.put, list: 'write', action: 's3:PutObject', key });
  const described = describedIn(headers, now);
  const grants = grantsOfNew(here, headers);
  const tags = headerOf(headers, 'x-amz-tagging');
  const noted = { ...(tags === undefined ? {} : { tags: tagsOfHeader(tags) }), ...(grants.length === 0 ? {} : { grants }), ...wishedLock(headers, here.container, now) };
  const announced = Number(headerOf(headers, 'x-amz-decoded-content-length') ?? headerOf(headers, 'content-length') ?? 0);
  if (announced > 0) await here.read((context) => demandRoom(context, here.container, announced, here));
  const demand = conditionOfWrite(headers);
  const { received, checksum } = await takeIn(parts, request, { bounds });
  const { version } = await keeping(parts.bodies, received, () =>
    here.commit((context) =>
      writeAt(
        context,
        here,
        { container: here.container.name, object: key },
        { ...described, kind: 'plain', facts: { ...noted, ...(checksum ? { checksum: { ...checksum, type: 'FULL_OBJECT' } } : {}) }, body: { received }, sizeBytes: received.sizeBytes, etag: received.md5 },
        (container) => demand(context, container, key),
      ),
    ),
  );
  return emptyAnswer(200, { etag: quoted(received.md5), ...(here.container.versioning === 'off' ? {} : { 'x-amz-version-id': version }), ...(checksum ? checksumHeaders({ ...checksum, type: 'FULL_OBJECT' }) : {}) });
}

export function demandKeyLength(key: string): void {
  if (Buffer.byteLength(key) > limits.max_object_name_length) throw refused('KeyTooLongError');
}
