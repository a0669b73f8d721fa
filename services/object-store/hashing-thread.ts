/** A thread that hashes files (hashing.ts starts it), each as far as it is told that there is something. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { Hashed, Told } from './hashing.ts';

type Open = { descriptor: number; hash: Hash; position: number };

const files = new Map<number, Open>();
// Small enough to stay in the processor's cache.
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

parentPort!.on('message', (told: Told) => {
  try {
    take(told);
  } catch (failure) {
    close(told.file);
    tell({ file: told.file, failure });
  }
});

function take(told: Told): void {
  if ('path' in told) return void files.set(told.file, { descriptor: openSync(told.path, 'r'), hash: createHash(told.algorithm), position: 0 });
  if ('isUnwanted' in told) return close(told.file);
  const open = files.get(told.file);
  // What failed once was told of then.
  if (!open) return;
  while (open.position < told.bytes) {
    const count = readSync(open.descriptor, buffer, 0, Math.min(buffer.length, told.bytes - open.position), open.position);
    if (count === 0) throw new Error('The file is shorter than what was written to it');
    open.hash.update(buffer.subarray(0, count));
    open.position += count;
  }
  if (!told.isEnd) return;
  close(told.file);
  tell({ file: told.file, hash: open.hash.digest('hex') });
}

function close(file: number): void {
  const open = files.get(file);
  if (!open) return;
  files.delete(file);
  closeSync(open.descriptor);
}

function tell(hashed: Hashed): void {
  parentPort!.postMessage(hashed);
}
