/** Large objects whose manifest names each segment: `?multipart-manifest=put` and `=delete`. */
import { manifestLimits } from '../../contract/object-store/capabilities.ts';
import { explanationOf } from '../../contract/object-store/reasons.ts';
import { Fault } from '../../kit/fault.ts';
import { Answer } from '../../kit/http/implement.ts';
import type { ObjectBodies } from './bodies.ts';
import { bulkAnswer, bulkText } from './bulk-answers.ts';
import { deleteMany } from './bulk-deletes.ts';
import { emptyAnswer } from './empty-answers.ts';
import { headerOf } from './header-text.ts';
import { manifestOf } from './reading.ts';
import { parseManifest, readWholeBody, resolveManifest, segmentObject } from './manifests.ts';
import { writeAt } from './object-writes.ts';
import { findObject, keeping, nullVersion } from './objects.ts';
import { httpDateOf } from './timestamps.ts';
import { contentTypeOf, describedBy, lengthOf, mustBeNew, receive, tooLarge } from './uploads.ts';
import type { StoreRequest, Visit } from './visits.ts';

type ObjectRequest = StoreRequest & { readonly params: { readonly account: string; readonly container: string; readonly object: string } };

export async function putManifest(bodies: ObjectBodies, request: ObjectRequest & { readonly body: AsyncIterable<Uint8Array> | undefined }, here: Visit): Promise<Answer<Buffer>> {
  const { headers, params, now } = request;
  if (headerOf(headers, 'x-copy-from') !== undefined) throw new Fault(405, 'MethodNotAllowed', 'Multipart Manifest PUTs cannot be COPY requests');
  const words = `Manifest File > ${manifestLimits.max_manifest_size} bytes`;
  if ((lengthOf(headers) ?? 0) > manifestLimits.max_manifest_size) throw tooLarge(words);
  const wished = parseManifest((await readWholeBody(request.body, manifestLimits.max_manifest_size, words)).toString('utf8'), params);
  const resolved = await here.read((context) => resolveManifest(context, here, wished));
  if ('problems' in resolved) {
    const { contentType, text } = bulkText(headers, {}, resolved.problems, 'upload');
    return new Answer(Buffer.from(text), { status: 400, headers: { 'content-type': contentType } });
  }
  const { segments, sizeBytes, etag } = resolved;
  const wanted = headerOf(headers, 'etag')?.replaceAll('"', '').toLowerCase();
  if (wanted !== undefined && wanted !== '' && wanted !== etag) throw new Fault(422, 'BadDigest', explanationOf(422));
  const described = describedBy(headers, now);
  const onlyNew = mustBeNew(headers);
  const received = await receive(bodies, request, [Buffer.from(JSON.stringify(segments))]);
  const { version } = await keeping(bodies, received, () =>
    here.commit((context) =>
      writeAt(context, here, params, { ...described, kind: 'slo', contentType: contentTypeOf(headers, params.object), body: { received }, sizeBytes, etag, facts: { manifestMd5: received.md5, segments: segments.length } }, async (container) => {
        if (onlyNew && (await findObject(context, container, params.object))) throw new Fault(412, 'PreconditionFailed', explanationOf(412));
      }),
    ),
  );
  return emptyAnswer(201, { etag: `"${etag}"`, 'last-modified': httpDateOf(now), ...(version === nullVersion ? {} : { 'x-object-version-id': version }) });
}

/** With all that it names, and what those name. */
export async function deleteManifest(bodies: ObjectBodies, request: ObjectRequest, here: Visit): Promise<Answer<Buffer>> {
  const { params, headers } = request;
  const paths: string[] = [];
  const waiting = [`${params.container}/${params.object}`];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const path = next;
    paths.unshift(path);
    if (paths.length > manifestLimits.max_manifest_segments * 10) throw new Fault(400, 'badRequest', 'Too many buffered slo segments to delete.');
    const found = await here.read((context) => segmentObject(context, here, path));
    if (typeof found === 'string') {
      if (paths.length === 1) break;
      continue;
    }
    if (found.kind !== 'slo') {
      if (paths.length === 1) return bulkAnswer(headers, { 'Number Deleted': 0, 'Number Not Found': 0, 'Response Body': '', 'Response Status': '400 Bad Request' }, [[`/${path}`, '400 Bad Request']], { root: 'delete' });
      continue;
    }
    for (const segment of await manifestOf(bodies, here, found)) if ('name' in segment) (segment.sub_slo === true ? waiting : paths).unshift(segment.name.replace(/^\/+/, ''));
  }
  return deleteMany(request, here, paths);
}
