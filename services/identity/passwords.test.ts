import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { createPasswords, hashOfGenerated, matchesGenerated } from './passwords.ts';

const passwords = createPasswords({ random: systemRandom, cost: { memoryKiB: 64, passes: 1 } });

test('a hash matches its password and no other, and is never the same twice', async () => {
  const [hash, other] = [await passwords.hash('correct horse'), await passwords.hash('correct horse')];

  assert.match(hash, /^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
  assert.notEqual(hash, other);
  assert.equal(await passwords.matches('correct horse', hash), true);
  assert.equal(await passwords.matches('correct horsf', hash), false);
  assert.equal(await passwords.matches('', hash), false);
  assert.equal(await passwords.matches('correct horse', null), false);
});

test('a hash is checked at the cost at which it was made', async () => {
  const dearer = createPasswords({ random: systemRandom, cost: { memoryKiB: 128, passes: 2 } });

  assert.equal(await passwords.matches('secret', await dearer.hash('secret')), true);
});

test('whoever comes when the queue is full is told to come again, and the others are served', async () => {
  const results = await Promise.allSettled(Array.from({ length: 300 }, () => passwords.hash('x')));

  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  assert.equal(refused.length, 300 - 2 - 256);
  for (const reason of refused) assert.ok(reason instanceof Fault && reason.status === 503 && Number(reason.headers['retry-after']) > 0);
  assert.ok(await passwords.hash('later'));
});

test('somebody who does not exist costs what somebody who does costs', async () => {
  const usual = createPasswords({ random: systemRandom });
  const hash = await usual.hash('x');
  const time = async (stored: string | null) => {
    const start = process.hrtime.bigint();
    for (let count = 0; count < 5; count++) await usual.matches('y', stored);
    return Number(process.hrtime.bigint() - start);
  };

  const ratio = (await time(null)) / (await time(hash));

  // The work is the same; the bounds are wide because machines are busy. No hashing at all would be below 0.01.
  assert.ok(ratio > 0.2 && ratio < 5, `ratio ${ratio}`);
});

test('a generated secret matches quickly, and only its own hash', () => {
  assert.equal(matchesGenerated('abc', hashOfGenerated('abc')), true);
  assert.equal(matchesGenerated('abd', hashOfGenerated('abc')), false);
  assert.equal(matchesGenerated('abc', '$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA'), false);
});
