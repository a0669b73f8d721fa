/** Checksums against what the algorithms' own descriptions say of them. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { algorithms, checksumOfParts, hasherOf, isCyclic, type Algorithm } from './checksums.ts';

test('each algorithm gives the value that its description gives for the nine digits', () => {
  const value = (algorithm: Algorithm) => digest(algorithm, Buffer.from('123456789')).toString('hex');

  assert.deepEqual(['CRC32', 'CRC32C', 'CRC64NVME'].map((each) => value(each as Algorithm)), ['cbf43926', 'e3069283', 'ae8b14860a799888']);
});

test('bytes that come in any pieces have one checksum, and so have parts that are joined', () => {
  const bytes = randomBytes(10_007);
  for (const algorithm of algorithms) {
    const inPieces = hasherOf(algorithm);
    const cuts = [0, 1, 8, 17, 4000, 4001, 10_007];
    const pieces = cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
    for (const piece of pieces) inPieces.update(piece);

    assert.deepEqual(inPieces.digest(), digest(algorithm, bytes), algorithm);
    if (!isCyclic(algorithm)) continue;
    const parts = pieces.map((piece) => ({ value: digest(algorithm, piece).toString('base64'), sizeBytes: piece.length }));
    assert.equal(checksumOfParts(algorithm, 'FULL_OBJECT', parts).value, digest(algorithm, bytes).toString('base64'), algorithm);
  }
});

function digest(algorithm: Algorithm, bytes: Uint8Array): Buffer {
  const hash = hasherOf(algorithm);
  hash.update(bytes);
  return hash.digest();
}
