/** Many objects and containers deleted by one request: swift/common/middleware/bulk.py. */
import { bulkLimits } from '../../contract/object-store/capabilities.ts';
import { badRequest, Fault } from '../../kit/fault.ts';
import type { Answer } from '../../kit/http/implement.ts';
import { bulkAnswer, type Problem } from './bulk-answers.ts';
import { deleteContainer, findContainer } from './containers.ts';
import { readWholeBody } from './manifests.ts';
import { deleteObject } from './objects.ts';
import { deleteKeepingOlder } from './older-versions.ts';
import { decoded, splitPath } from './paths.ts';
import { tooLarge } from './uploads.ts';
import type { StoreRequest, Visit } from './visits.ts';

/** One path a line, quoted as in an address. */
export async function pathsToDelete(body: AsyncIterable<Uint8Array> | undefined): Promise<string[]> {
  const most = bulkLimits.max_deletes_per_request;
  const text = (await readWholeBody(body, most * 3 * 1024, 'Maximum Bulk Deletes: the list is too long')).toString('utf8');
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '');
  if (lines.length > most) throw tooLarge(`Maximum Bulk Deletes: ${most} per request`);
  if (lines.some((line) => Buffer.byteLength(line) > 3 * 1024)) throw badRequest('Invalid bulk delete.');
  return lines.map(decoded);
}

/** Each for itself: what cannot be deleted is told, and the others go. */
export async function deleteMany(request: Pick<StoreRequest, 'headers'>, here: Visit, paths: readonly string[]): Promise<Answer<Buffer>> {
  const problems: Problem[] = [];
  let [deleted, notFound] = [0, 0];
  if (paths.length === 0) return bulkAnswer(request.headers, { 'Number Deleted': 0, 'Number Not Found': 0, 'Response Body': 'Invalid bulk delete.', 'Response Status': '400 Bad Request' }, [], { root: 'delete' });
  // In one transaction, so that the audit has one entry and a repetition finds all or nothing done.
  await here.commit(async (context) => {
    [deleted, notFound] = [0, 0];
    problems.length = 0;
    for (const path of paths) {
      const outcome = await deleteOne(path);
      if (outcome === 'deleted') deleted += 1;
      else if (outcome === 'not found') notFound += 1;
      else problems.push([encodeURI(path.startsWith('/') ? path : `/${path}`), outcome]);
    }

    async function deleteOne(path: string): Promise<string> {
      const { container: containerName, object: name } = splitPath(path);
      if (containerName === '' || path.includes('\0')) return '412 Precondition Failed';
      const container = await findContainer(context, containerName);
      if (!container) return 'not found';
      if (!here.admits(container, 'write')) return '403 Forbidden';
      try {
        if (name === '') {
          if (!here.isOwner) return '403 Forbidden';
          await deleteContainer(context, containerName);
          return 'deleted';
        }
        if (await deleteKeepingOlder(context, here, container, name)) return 'deleted';
        const { object } = await deleteObject(context, container, name);
        return object === undefined || object.isMarker ? 'not found' : 'deleted';
      } catch (error) {
        // Refused before anything was asked of the database that could fail: the transaction stands.
        if (error instanceof Fault) return error.status === 404 ? 'not found' : error.status === 409 ? '409 Conflict' : `${error.status} ${error.message}`;
        throw error;
      }
    }
  });
  const status = problems.length > 0 ? '400 Bad Request' : deleted + notFound === 0 ? '400 Bad Request' : deleted === 0 && notFound > 0 ? '404 Not Found' : '200 OK';
  return bulkAnswer(request.headers, { 'Number Deleted': deleted, 'Number Not Found': notFound, 'Response Body': '', 'Response Status': status }, problems, { root: 'delete' });
}
