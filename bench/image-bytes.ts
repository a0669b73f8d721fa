/**
 * How fast an image's bytes come into the cloud, by whoever receives them, and with how much memory: beside writing the same
 * bytes with the same hashes and nothing else (`dd` that hashes).
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { nameOf } from './cases.ts';
import type { Endpoint } from './endpoint.ts';
import type { OwnCloud } from './own-cloud.ts';
import type { Worked } from './processors.ts';

export type ImageBytes = {
  name: string;
  mib: number;
  /** By the clock on the wall, with whoever else is on the machine; and by what the process worked that did it. */
  mibPerSecond: number;
  mibPerCoreSecond: number;
  /** What that process had more than before, at most. Null: of `dd` nobody minds. */
  moreMib: number | null;
};

const mib = 2 ** 20;
/** As requests bring them. */
const chunkBytes = 64 * 1024;
const importedWithinMs = 600_000;

export async function measureImageBytes(cloud: OwnCloud, endpoint: Endpoint, { wanted, say }: { wanted: number; say: (line: string) => void }): Promise<ImageBytes[]> {
  const { ask } = endpoint;
  const folder = await mkdtemp(join(tmpdir(), 'image-bytes-'));
  const ids: string[] = [];
  try {
    say(`an image of ${wanted} MiB`);
    const own: Worked = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6;
    const results = [await measured('dd that hashes', own, () => plain(join(folder, 'plain')))];
    await rm(join(folder, 'plain'));
    const [api, worker] = [await cloud.workedBy(['api']), await cloud.workedBy(['worker'])];
    const [uploaded, staged] = [await create(0), await create(1)];
    results.push(await measured('upload', api, () => put(uploaded, 'file', 1), 'api'));
    results.push(await measured('stage', api, () => put(staged, 'stage', 2), 'api'));
    results.push(await measured('import', worker, () => take(staged), 'worker'));
    return results;
  } finally {
    for (const id of ids) await ask('image', 'DELETE', `/images/${id}`);
    await rm(folder, { recursive: true, force: true });
  }

  async function create(index: number): Promise<string> {
    const { id } = (await ask<{ id: string }>('image', 'POST', '/images', { name: nameOf('bytes', index), disk_format: 'raw', container_format: 'bare' })).body;
    ids.push(id);
    return id;
  }

  async function put(id: string, what: 'file' | 'stage', seed: number): Promise<void> {
    const sending = request(`${cloud.base}/image/v2/images/${id}/${what}`, { method: 'PUT', headers: { 'x-auth-token': endpoint.token, 'content-type': 'application/octet-stream', 'content-length': wanted * mib } });
    const answered = once(sending, 'response');
    await pipeline(Readable.from(chunks(seed), { objectMode: false }), sending);
    const [reply] = (await answered) as [{ statusCode: number; resume(): void }];
    reply.resume();
    if (reply.statusCode !== 204) throw new Error(`PUT …/${what} answered ${reply.statusCode}`);
  }

  async function take(id: string): Promise<void> {
    await ask('image', 'POST', `/images/${id}/import`, { method: { name: 'glance-direct' } });
    for (const deadline = performance.now() + importedWithinMs; ; await pause(50)) {
      const { status } = (await ask<{ status: string }>('image', 'GET', `/images/${id}`)).body;
      if (status === 'active') return;
      if (status === 'queued' || performance.now() > deadline) throw new Error(`The image is ${status}`);
    }
  }

  async function measured(name: string, worked: Worked, work: () => Promise<void>, by?: 'api' | 'worker'): Promise<ImageBytes> {
    const memory = async () => (by === undefined ? 0 : ((await cloud.memory())[by] ?? 0));
    const before = await memory();
    let peak = before;
    const over = new AbortController();
    const looking = (async () => {
      while (!over.signal.aborted) {
        peak = Math.max(peak, await memory());
        await pause(250);
      }
    })();
    const [begun, workedBefore] = [performance.now(), worked()];
    await work().finally(() => over.abort());
    const seconds = (performance.now() - begun) / 1000;
    const workedSeconds = worked() - workedBefore;
    await looking;
    return { name, mib: wanted, mibPerSecond: wanted / seconds, mibPerCoreSecond: wanted / workedSeconds, moreMib: by === undefined ? null : peak - before };
  }

  async function plain(path: string): Promise<void> {
    const hashes = ['md5', 'sha256', 'sha512'].map((algorithm) => createHash(algorithm));
    await using file = await open(path, 'wx');
    for await (const chunk of chunks(0)) {
      for (const hash of hashes) hash.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
  }

  /** Never the same, so that no store has them yet. */
  async function* chunks(seed: number): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < (wanted * mib) / chunkBytes; index++) {
      const chunk = Buffer.alloc(chunkBytes, 7);
      chunk.writeUInt32LE(seed, 0);
      chunk.writeUInt32LE(index, 4);
      yield chunk;
    }
  }
}
