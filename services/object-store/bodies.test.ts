/** The stores of bytes: a folder, and a bucket at another cloud's own S3 door. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createLog } from '../../kit/log.ts';
import { openBucket } from '../../kit/s3/bucket.ts';
import { startCloud } from '../../test/cloud.ts';
import { keyOf, s3 } from '../s3/s3.fixture.ts';
import { testBodies } from './bodies.suite.ts';
import { bucketObjectBodies } from './bucket-bodies.ts';
import { fileObjectBodies } from './bodies.ts';
import { swift } from './object-store.fixture.ts';

testBodies('a folder', {
  async start(t) {
    const folder = mkdtempSync(join(tmpdir(), 'test-bodies-'));
    const bodies = await fileObjectBodies(folder);
    const cloud = await startCloud(t, { bodies: () => bodies });
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const placed = (file: string) => join(folder, file.slice(0, 2), file.slice(2, 4), file);
    return {
      cloud,
      async kept() {
        const found = await readdir(folder, { recursive: true, withFileTypes: true });
        return found.filter((each) => each.isFile()).map(({ name }) => name).toSorted();
      },
      async replace(file, change) {
        await mkdir(dirname(placed(file)), { recursive: true });
        await writeFile(placed(file), change(await readFile(placed(file))));
      },
      now: () => new Date(),
    };
  },
});

/** More than is kept in rows. */
const hello = 'hello'.padEnd(10_000, '!');

testBodies('a bucket', { start: startWithBucket });

test('a bucket that cannot be reached is told as such, and what was written before is there when it can be', async (t) => {
  const { cloud, passage } = await startWithBucket(t);
  const alice = swift(cloud, cloud.alice);
  await alice('PUT', '/box');
  await alice('PUT', '/box/o', { body: hello });

  await passage.close();
  const statuses = [(await alice('GET', '/box/o')).status, (await alice('PUT', '/box/p', { body: `more ${hello}` })).status, (await alice('HEAD', '/box/o')).status, (await alice('GET', '/box')).text];
  await passage.open();

  assert.deepEqual([...statuses, (await alice('GET', '/box/o')).text], [503, 503, 200, 'o\n', hello]);
});

test('a download goes on where the way to the bucket broke off', async (t) => {
  const { cloud, passage } = await startWithBucket(t);
  const { bodies } = cloud.cloud.region;
  const bytes = randomBytes(16 * 1024 * 1024);
  const body = await bodies.receive([bytes], { id: 'a'.repeat(32), limitBytes: bytes.length });

  const read: Buffer[] = [];
  for await (const piece of bodies.read(body)) if (read.push(piece) === 2) passage.cut();

  assert.ok(Buffer.concat(read).equals(bytes));
});

/** A cloud whose objects are kept by another one. */
async function startWithBucket(t: TestContext) {
  const keeper = await startCloud(t);
  const key = await keyOf(keeper.alice);
  const ask = s3(keeper, key);
  await ask('PUT', '/bodies');
  const { port } = new URL(await keeper.door.listen({ host: '127.0.0.1', port: 0 }));
  const passage = await passageTo(Number(port));
  t.after(() => passage.close());
  const bucket = openBucket({ endpoint: `http://127.0.0.1:${passage.port}`, region: 'us-east-1', bucket: 'bodies', prefix: 'of a cloud/' }, key, keeper.clock);
  t.after(() => bucket.close());
  const log = createLog({ name: 'test', level: 'silent' });
  const cloud = await startCloud(t, { bodies: (database, clock) => bucketObjectBodies({ bucket, database, clock, log }) });
  const address = (file: string) => `/bodies/of%20a%20cloud/${file}`;
  const textsOf = (xml: string, element: string) => [...xml.matchAll(new RegExp(`<${element}>of a cloud/(.*?)</${element}>`, 'g'))].map(([, text = '']) => text);
  return {
    cloud,
    async kept() {
      return [...textsOf((await ask('GET', '/bodies?list-type=2')).text, 'Key'), ...textsOf((await ask('GET', '/bodies?uploads')).text, 'Key')].toSorted();
    },
    async replace(file: string, change: (bytes: Buffer) => Buffer) {
      const { status } = await ask('PUT', address(file), { body: change((await ask('GET', address(file))).bytes) });
      assert.equal(status, 200);
    },
    now: () => cloud.clock.now(),
    passage,
  };
}

/** A way that can be closed. */
async function passageTo(port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  const listen = (at: number) => new Promise<number>((resolve) => server.listen(at, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
  const own = await listen(0);
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: own,
    cut,
    open: () => listen(own),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        cut();
      }),
  };
}
