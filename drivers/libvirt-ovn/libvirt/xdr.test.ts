import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XdrReader, XdrWriter } from './xdr.ts';

test('what is written is read back, each value padded to four bytes', () => {
  const bytes = new XdrWriter().int(-2).uint(4_000_000_000).hyper(2n ** 63n).string('größe').optionalString(null).optionalString('x').fixed(Buffer.from('abc')).bytes();

  assert.equal(bytes.length % 4, 0);
  const reader = new XdrReader(bytes);
  assert.deepEqual(
    [reader.int(), reader.uint(), reader.hyper(), reader.string(), reader.optionalString(), reader.optionalString(), reader.fixed(3).toString()],
    [-2, 4_000_000_000, 2n ** 63n, 'größe', null, 'x', 'abc'],
  );
});

test('a message that ends early, or claims more than it has, is refused', () => {
  const truncated = new XdrWriter().string('a longer text').bytes().subarray(0, 8);
  assert.throws(() => new XdrReader(truncated).string(), RangeError);

  const boastful = new XdrWriter().uint(0xffff_ffff).bytes();
  assert.throws(() => new XdrReader(boastful).list((reader) => reader.int()), RangeError);
});
