/** A day's work of Amazon's own client for Node on the store at an address, with the checksums that it sends by itself. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand, CreateMultipartUploadCommand, DeleteBucketCommand, DeleteObjectsCommand, GetObjectCommand, GetObjectTaggingCommand, HeadObjectCommand, ListObjectsV2Command, ListObjectVersionsCommand, paginateListObjectsV2, PutBucketVersioningCommand, PutObjectCommand, S3Client, UploadPartCommand } from '@aws-sdk/client-s3';

const Bucket = 'fifth';

export async function workWithSdk(endpoint: string, credentials: { accessKeyId: string; secretAccessKey: string }): Promise<void> {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials, maxAttempts: 1 });
  const read = async (Key: string, more: { Range?: string; VersionId?: string } = {}) => Buffer.from(await (await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED', ...more }))).Body!.transformToByteArray());
  try {
    await client.send(new CreateBucketCommand({ Bucket }));
    const small = await client.send(new PutObjectCommand({ Bucket, Key: 'a b+ü.txt', Body: 'hello', Metadata: { colour: 'blue' }, Tagging: 'kind=text' }));
    assert.equal(small.ETag, `"${createHash('md5').update('hello').digest('hex')}"`);
    assert.equal(typeof small.ChecksumCRC32, 'string', 'it sends one without being told');
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'a b+ü.txt' }));
    assert.deepEqual([head.ContentLength, head.Metadata], [5, { colour: 'blue' }]);
    assert.deepEqual((await client.send(new GetObjectTaggingCommand({ Bucket, Key: 'a b+ü.txt' }))).TagSet, [{ Key: 'kind', Value: 'text' }]);
    await assert.rejects(client.send(new PutObjectCommand({ Bucket, Key: 'a b+ü.txt', Body: 'other', IfNoneMatch: '*' })), { name: 'PreconditionFailed' });
    await assert.rejects(client.send(new GetObjectCommand({ Bucket, Key: 'none' })), { name: 'NoSuchKey' });

    // A stream is signed piece by piece, and its checksum comes at the end.
    const streamed = randomBytes(200_000);
    for (const ChecksumAlgorithm of ['CRC32', 'SHA256'] as const) await client.send(new PutObjectCommand({ Bucket, Key: 'streamed', Body: Readable.from([streamed.subarray(0, 70_000), streamed.subarray(70_000)]), ContentLength: streamed.length, ChecksumAlgorithm }));
    assert.ok((await read('streamed')).equals(streamed));

    const bytes = randomBytes(11_000_000);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'big' }));
    const parts = [bytes.subarray(0, 5 << 20), bytes.subarray(5 << 20, 10 << 20), bytes.subarray(10 << 20)];
    const Parts = await Promise.all(parts.map(async (Body, index) => {
      const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand({ Bucket, Key: 'big', UploadId, PartNumber: index + 1, Body }));
      return { ETag, ChecksumCRC32, PartNumber: index + 1 };
    }));
    await client.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'big', UploadId, MultipartUpload: { Parts } }));
    await client.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/big` }));
    assert.ok((await read('copied')).equals(bytes));
    assert.ok((await read('big', { Range: 'bytes=5242870-5242889' })).equals(bytes.subarray(5_242_870, 5_242_890)));

    const names: string[] = [];
    for await (const page of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket })) names.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    assert.deepEqual(names, ['a b+ü.txt', 'big', 'copied', 'streamed']);
    await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
    const { VersionId } = await client.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'first' }));
    await client.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'second' }));
    assert.deepEqual([String(await read('kept')), String(await read('kept', { VersionId: VersionId! }))], ['second', 'first']);

    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...names, 'kept'].map((Key) => ({ Key })) } }));
    assert.equal((await client.send(new ListObjectsV2Command({ Bucket }))).KeyCount, 0);
    const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
    const left = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [...Versions, ...DeleteMarkers].map(({ Key, VersionId: version }) => ({ Key: Key!, VersionId: version })) } }));
    assert.equal(left.Errors, undefined);
    await client.send(new DeleteBucketCommand({ Bucket }));
  } finally {
    client.destroy();
  }
}
