import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from './clock.ts';
import { keyFrom, keysFrom, seal, sealedBy, unseal, Unsealable } from './sealing.ts';

const random = seededRandom(1);
const [key, other] = [keyFrom(random.bytes(32)), keyFrom(random.bytes(32))];

test('what was sealed is opened by its key, in its place', () => {
  const plain = Buffer.from('a secret that is long enough to be searched for');

  const sealed = seal({ key, random, place: 'credential 1', plain });

  assert.ok(!sealed.includes(plain));
  assert.equal(sealedBy(sealed), key.id);
  assert.deepEqual(unseal({ key, place: 'credential 1', sealed }), plain);
  assert.throws(() => unseal({ key: other, place: 'credential 1', sealed }), Unsealable);
  assert.throws(() => unseal({ key, place: 'credential 2', sealed }), Unsealable);
});

test('a changed byte anywhere is noticed', () => {
  const sealed = seal({ key, random, place: 'x', plain: Buffer.from('y') });

  for (const index of sealed.keys()) {
    const changed = Buffer.from(sealed);
    changed[index]! ^= 1;
    assert.throws(() => unseal({ key, place: 'x', sealed: changed }), Unsealable, `byte ${index}`);
  }
  assert.throws(() => sealedBy(Buffer.alloc(3)), Unsealable);
});

test('a file of keys has the newest first, and shows none of them when it is printed', () => {
  const lines = [random.bytes(32), random.bytes(32)].map((bytes) => bytes.toString('base64url'));

  const keys = keysFrom(`${lines.join('\n')}\n`);

  assert.equal(keys.length, 2);
  assert.ok(lines.every((line) => !JSON.stringify(keys).includes(line)));
  assert.throws(() => keysFrom('\n'), RangeError);
  assert.throws(() => keysFrom('c2hvcnQ'), RangeError);
});
