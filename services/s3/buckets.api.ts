/** The door of buckets: those of the operations of the object store's reference whose path ends with the bucket. */
import { buckets as contract } from '../../contract/s3/buckets.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { deleteContainer, ensureContainer, findContainer, noteContainerFacts, setVersioning } from '../object-store/containers.ts';
import { headerOf } from '../object-store/header-text.ts';
import { textsOf, visit } from '../object-store/visits.ts';
import { answering, emptyAnswer, type Bytes } from './answers.ts';
import { forOrigin, preflight } from './cross-origin.ts';
import { deleteMany } from './deletions.ts';
import { FormFile, takeForm } from './forms.ts';
import { listsFor, wishedGrants } from './grants.ts';
import { demandPossible, ownershipNamed } from './ownership.ts';
import { takeText, type BodyRequest, type S3Parts } from './incoming.ts';
import { listAllVersions, listFirst, listSecond, listUploadsUnderWay } from './listings.ts';
import { enter, enterAsOwner, placeOf } from './places.ts';
import { refused } from './refusals.ts';
import { changeSetting, removeSetting, settingIn, showSetting } from './settings.ts';
import { parse, textOf } from './xml.ts';

export function buckets(parts: S3Parts) {
  return implement(contract, {
    get: (request) => answering(request, () => forOrigin({ ...request, method: 'GET' }, request.params.bucket, () => show({ ...request, method: 'GET', body: undefined }, request.params.bucket))),

    head: (request) =>
      answering(request, () =>
        forOrigin({ ...request, method: 'HEAD' }, request.params.bucket, async () => {
          await enter(request, request.params.bucket, { operation: contract.head, list: 'read', action: 's3:ListBucket' });
          return new Answer(undefined, { headers: { 'x-amz-bucket-region': parts.region, 'content-type': 'application/xml', 'content-length': '0' } });
        }),
      ),

    put: (request) =>
      answering<Bytes>(request, async () => {
        const setting = settingIn(textsOf(request));
        const asked = { ...request, method: 'PUT' };
        return setting ? changeSetting(parts, asked, request.params.bucket, setting) : make(asked, request.params.bucket);
      }),

    post: (request) =>
      answering<Bytes>(request, () =>
        forOrigin({ ...request, method: 'POST' }, request.params.bucket, async () => {
          if ('delete' in textsOf(request)) return deleteMany(parts, { ...request, method: 'POST' }, request.params.bucket);
          if (request.body instanceof FormFile) return takeForm(parts, { ...request, method: 'POST' }, request.params.bucket, request.body);
          await enter(request, request.params.bucket, { operation: contract.post, list: 'write' });
          throw refused('MethodNotAllowed');
        }),
      ),

    delete: (request) =>
      answering<Bytes>(request, async () => {
        const asked = { ...request, method: 'DELETE', body: undefined };
        const setting = settingIn(textsOf(request));
        if (setting) return removeSetting(asked, request.params.bucket, setting);
        const here = await enterAsOwner(request, request.params.bucket, contract.delete);
        await here.commit((context) => deleteContainer(context, here.container.name));
        return emptyAnswer(204);
      }),

    options: (request) => answering(request, () => preflight(request, request.params.bucket)),
  });

  async function show(request: BodyRequest, bucket: string): Promise<Answer<Bytes>> {
    const query = textsOf(request);
    const setting = settingIn(query);
    if (setting) return showSetting(parts, request, bucket, setting);
    const at = (action: NonNullable<Parameters<typeof enter>[2]['action']>) => enter(request, bucket, { operation: contract.get, list: 'read', action });
    if ('uploads' in query) return listUploadsUnderWay(request, await at('s3:ListBucketMultipartUploads'));
    if ('versions' in query) return listAllVersions(request, await at('s3:ListBucketVersions'));
    const here = await at('s3:ListBucket');
    return query['list-type'] === '2' ? listSecond(request, here) : listFirst(request, here);
  }

  /** In one's own project only: elsewhere nobody would find it by its name. */
  async function make(request: BodyRequest, bucket: string): Promise<Answer<Buffer>> {
    const place = placeOf(bucket, request.caller);
    demandBucketName(place.container);
    const text = await takeText(parts, request, 64 * 1024);
    if (text.trim() !== '') textOf(parse(text, 'CreateBucketConfiguration'), 'LocationConstraint');
    const here = await visit({ ...request, otherQuery: {} }, contract.put, { account: place.account });
    const grants = wishedGrants(request.headers, place.projectId);
    const isLocked = headerOf(request.headers, 'x-amz-bucket-object-lock-enabled')?.toLowerCase() === 'true';
    const wished = headerOf(request.headers, 'x-amz-object-ownership');
    const lists = grants ? listsFor(grants) : {};
    const ownership = wished === undefined ? undefined : demandPossible(ownershipNamed(wished, () => refused('InvalidArgument', 'Invalid x-amz-object-ownership header')), { headers: lists });
    await here.commit(async (context) => {
      if (await findContainer(context, place.container)) throw refused('BucketAlreadyOwnedByYou');
      const { container } = await ensureContainer(context, place.container, lists);
      if (ownership) await noteContainerFacts(context, container, { objectOwnership: ownership });
      if (!isLocked) return;
      await setVersioning(context, container, 'enabled');
      await noteContainerFacts(context, container, { objectLock: {} });
    });
    return emptyAnswer(200, { location: `/${bucket}` });
  }
}

/** bucketnamingrules of the reference; Swift's door takes more, and what it made is found here too. */
function demandBucketName(name: string): void {
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(name);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) || name.includes('..') || isAddress) throw refused('InvalidBucketName');
}
