/** `intercloud image add`: what its maker has, and nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { addImage, sumIn } from '../cli/image-adding.ts';
import { knownImages } from '../cli/known-images.ts';
import { soundQcow2 } from '../services/image/intake/corpus.ts';
import { startCloud } from './cloud.ts';

test('a known image is fetched, and is there only if its sum is right', async (t) => {
  const { admin, alice } = await startCloud(t);
  const known = knownImages['debian']!;
  const good = createHash('sha512').update(soundQcow2()).digest('hex');
  let sums = `${'0'.repeat(128)}  other.qcow2\n${good}  ${known.file}\n`;
  const server = createServer((request, reply) => {
    if (request.url === '/mirror/SHA512SUMS') reply.end(sums);
    else if (request.url === `/mirror/${known.file}`) reply.end(soundQcow2());
    else reply.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const from = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const add = (folder = '/mirror') => addImage({ images: admin.image, fetch, known, from: `${from}${folder}`, name: 'debian', visibility: 'public' });

  const id = await add();
  const made: Record<string, unknown> = (await alice.image.images.show({ params: { image_id: id } })).body;
  assert.deepEqual([made['status'], made['os_distro'], made['min_disk'], made['os_hash_value']], ['active', 'debian', 3, good]);

  sums = `${'1'.repeat(128)} *${known.file}\n`;
  await assert.rejects(add(), /is not what its maker says/);
  sums = 'nothing\n';
  await assert.rejects(add(), /says nothing of/);
  await assert.rejects(add('/nowhere'), /answers with 404/);
  assert.deepEqual((await alice.image.images.list({ query: { name: 'debian' } })).body.images.map((image) => image.id), [id]);
});

test('sums are read as each maker writes them', () => {
  const sum = 'ab'.repeat(32);
  for (const text of [`${sum}  a.qcow2\n`, `${sum} *a.qcow2`, `# a comment\nSHA256 (a.qcow2) = ${sum}\n`, `${sum}\n`, `${sum}  ./a.qcow2\n`]) assert.equal(sumIn(text, 'a.qcow2'), sum, text);
  assert.equal(sumIn(`${sum}  aa.qcow2\nSHA256 (b) = ${sum}\n`, 'a.qcow2'), undefined);
});
