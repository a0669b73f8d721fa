import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unstorable } from './unstorable.ts';

test('a NUL and half of a surrogate pair are found in values and keys at any depth', () => {
  for (const text of ['a\0b', 'a\ud800b', '\udc00']) {
    assert.notEqual(unstorable(text), undefined);
    assert.notEqual(unstorable({ list: [{ deep: text }] }), undefined);
    assert.notEqual(unstorable({ [text]: 1 }), undefined);
  }
});

test('text that only looks like an escape, and characters beyond the first plane, are taken', () => {
  assert.equal(unstorable({ script: 'printf "\\u0000"', face: '🙂', nothing: null, list: [1, true, undefined] }), undefined);
});

test('nesting is bounded, and however deep it is, looking at it ends', () => {
  const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

  assert.equal(unstorable(nested(100)), undefined);
  assert.match(unstorable(nested(102)) ?? '', /nested/);
  assert.match(unstorable(nested(300_000)) ?? '', /nested/);
});
