/** The door of a project's buckets: API_ListBuckets. */
import { account as contract } from '../../contract/s3/account.ts';
import { implement } from '../../kit/http/implement.ts';
import { listContainers } from '../object-store/containers.ts';
import { textsOf, visit } from '../object-store/visits.ts';
import { answering, timeText, xmlAnswer } from './answers.ts';
import { ownerOf } from './grants.ts';
import { refused } from './refusals.ts';

const most = 10_000;

export const account = implement(contract, {
  list: (request) =>
    answering(request, async () => {
      const { projectId } = request.caller;
      if (projectId === null) throw refused('AccessDenied');
      const { prefix = '', 'max-buckets': limit, 'continuation-token': token } = textsOf(request);
      if (limit !== undefined && (!/^\d{1,5}$/.test(limit) || Number(limit) < 1)) throw refused('InvalidArgument');
      const count = Math.min(Number(limit ?? most), most);
      const here = await visit({ ...request, otherQuery: {} }, contract.list, { account: `AUTH_${projectId}` });
      const after = token === undefined ? undefined : Buffer.from(token, 'base64url').toString('utf8').replaceAll('\0', '');
      const found = await here.read((context) => listContainers(context, { prefix, after, limit: count + 1 }));
      const shown = found.slice(0, count).flatMap((each) => (each.subdir === null ? [each] : []));
      return xmlAnswer('ListAllMyBucketsResult', {
        Owner: ownerOf(projectId),
        Buckets: { Bucket: shown.map(({ name, updatedAt }) => ({ Name: name, CreationDate: timeText(updatedAt) })) },
        Prefix: prefix === '' ? null : prefix,
        ContinuationToken: found.length > count ? Buffer.from(shown.at(-1)?.name ?? '').toString('base64url') : null,
      });
    }),
});
