import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { reveal, Secret } from './secret.ts';

test('a secret does not show itself in JSON, text, inspection or by its members', () => {
  const secret = new Secret('hunter2');

  const shown = [
    JSON.stringify({ secret }),
    `${secret}`,
    String(secret),
    'is ' + secret,
    inspect({ deep: { secret } }, { showHidden: true, depth: null }),
    inspect(secret, { customInspect: false, showHidden: true }),
    JSON.stringify(Object.getOwnPropertyDescriptors(secret)),
    JSON.stringify({ ...secret }),
  ];

  assert.deepEqual(shown.filter((text) => text.includes('hunter2')), []);
  assert.equal(shown[0], '{"secret":"[secret]"}');
  assert.equal(shown[1], '[secret]');
});

test('a secret is revealed to whoever asks for it', () => {
  const key = { kind: 'private', bytes: [1, 2, 3] };

  assert.equal(reveal(new Secret(key)), key);
});
