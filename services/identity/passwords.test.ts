import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { Fault } from '../../kit/fault.ts';
import { hashesAtOnce, mostWaiting } from './hashing.ts';
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

test('whoever comes when the queue is full is told to come again, and the others are served (ATTACKS 21, FAILURES 30)', async () => {
  const results = await Promise.allSettled(Array.from({ length: 300 }, () => passwords.hash('x')));

  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  assert.equal(refused.length, 300 - hashesAtOnce - mostWaiting);
  for (const reason of refused) assert.ok(reason instanceof Fault && reason.status === 503 && Number(reason.headers['retry-after']) > 0);
  assert.ok(await passwords.hash('later'));
});

test('a password that was right a moment ago needs no second hash, and one that was wrong does', async () => {
  const usual = createPasswords({ random: systemRandom });
  const [hash, ofTheSame] = [await usual.hash('right'), await usual.hash('right')];
  const time = async (password: string, stored: string) => {
    const start = performance.now();
    const matches = await usual.matches(password, stored);
    return { matches, ms: performance.now() - start };
  };

  const first = await time('right', hash);
  const quickest = Math.min(...(await Promise.all([1, 2, 3].map(() => time('right', hash)))).map(({ matches, ms }) => (matches ? ms : Infinity)));

  assert.ok(first.matches && quickest < first.ms / 5, `${quickest} of ${first.ms} ms`);
  for (const [password, stored, matches] of [['right ', hash, false], ['right', ofTheSame, true]] as const) {
    const other = await time(password, stored);
    assert.ok(other.matches === matches && other.ms > quickest * 5, `${other.ms} of ${first.ms} ms`);
  }
});

test('a flood of logins takes no turn of the event loop', async () => {
  const usual = createPasswords({ random: systemRandom });
  const hash = await usual.hash('right');
  let under = true;
  const flood = Promise.allSettled(Array.from({ length: 6 }, () => usual.matches('wrong', hash))).then(() => (under = false));

  let turns = 0;
  for (; under; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
  await flood;

  // On the event loop there would be one turn a hash, or two.
  assert.ok(turns > 24, `${turns} turns`);
});

test('somebody who does not exist costs what somebody who does costs (ATTACKS 20)', async () => {
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
