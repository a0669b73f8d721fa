import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemRandom } from './clock.ts';
import { canonical, judge, makeSigningKey, signDocument, signingKeyOf, type Plain } from './signed.ts';

const now = new Date('2026-01-01T00:00:00Z');
const later = (ms: number) => new Date(now.getTime() + ms);
const key = makeSigningKey(systemRandom);
const known = new Map([[key.id, key.publicKey]]);

test('the same value is the same text, in whatever order it was made', () => {
  assert.equal(canonical({ b: [1, { d: null, c: 'ü' }], a: true }), '{"a":true,"b":[1,{"c":"ü","d":null}]}');
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.string(), fc.boolean())), (given) => canonical(given) === canonical(Object.fromEntries(Object.entries(given).toReversed()) as Plain)));
});

test('a document is good until its end, for whoever knows the key', () => {
  const signed = signDocument({ amount: '1.5' }, signingKeyOf(key), { issuedAt: now, expiresAt: later(3_600_000) });

  assert.equal(judge(signed, known, now), 'good');
  assert.equal(judge(signed, new Map(), now), 'unknown key');
  assert.equal(judge(signed, known, later(3 * 3_600_000)), 'expired');
  assert.equal(judge(signed, known, later(-3_600_000)), 'not yet valid');
});

test('whatever is changed in a document is seen', () => {
  const signed = signDocument({ amount: '1.5' }, signingKeyOf(key), { issuedAt: now, expiresAt: later(3_600_000) });
  const other = makeSigningKey(systemRandom);

  assert.equal(judge({ ...signed, document: { amount: '15' } }, known, now), 'forged');
  assert.equal(judge({ ...signed, expiresAt: later(9e9).toISOString() }, known, now), 'forged');
  assert.equal(judge({ ...signed, key: other.id }, new Map([[other.id, other.publicKey]]), now), 'forged');
});
