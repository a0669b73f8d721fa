/** The thread that hashes one file (hashing.ts starts it), as far as it is told that there is something. */
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { Hashes, type Progress } from './hashing.ts';

const descriptor = openSync((workerData as { path: string }).path, 'r');
const hashes = new Hashes();
// Small enough to stay in the processor's cache from one hash to the next.
const buffer = Buffer.allocUnsafeSlow(256 * 1024);
let position = 0;

parentPort!.on('message', ({ bytes, isEnd }: Progress) => {
  while (position < bytes) {
    const count = readSync(descriptor, buffer, 0, Math.min(buffer.length, bytes - position), position);
    if (count === 0) throw new Error('The file is shorter than what was written to it');
    hashes.update(buffer.subarray(0, count));
    position += count;
  }
  if (!isEnd) return;
  closeSync(descriptor);
  parentPort!.postMessage(hashes.digest());
  parentPort!.close();
});
