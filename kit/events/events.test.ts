import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { audit } from '../audit.ts';
import { manualClock, systemClock, systemRandom } from '../clock.ts';
import { findResult, keepResult, KeyConflict } from '../idempotency.ts';
import type { Database, Transaction } from '../postgres/database.ts';
import { testDatabase } from '../postgres/testing.ts';
import { consume, failingDeliveries } from './consumer.ts';
import { emit, forgetEventsBefore, listEvents, type Event } from './events.ts';
import { createEventStream, SubscriptionLost } from './stream.ts';

const system = { kind: 'system', reason: 'test' } as const;

test('a consumer gets each event once, also those of transactions that commit late and out of order', async (t) => {
  const { database, say } = await startShop(t);
  const seen: string[] = [];
  const handle = async (tx: Transaction, { resourceId }: Event) => {
    await tx.run`insert into shop.seen (name) values (${resourceId})`;
    seen.push(resourceId);
  };
  // Two processes of one consumer.
  const consumers = await Promise.all([1, 2].map(() => consume({ database, clock: systemClock, name: 'meter', handle })));
  t.after(() => Promise.all(consumers.map((each) => each.stop())));

  // The first number is given to the transaction that commits last.
  const gate = Promise.withResolvers<void>();
  const numbered = Promise.withResolvers<void>();
  const late = database.transaction(system, async (tx) => {
    await say(tx, 'late');
    numbered.resolve();
    await gate.promise;
  });
  await numbered.promise;
  await Promise.all(Array.from({ length: 50 }, (_, index) => database.transaction(system, (tx) => say(tx, `early ${index}`))));
  await Promise.all(consumers.map((each) => each.idle()));
  assert.equal(seen.length, 50);
  gate.resolve();
  await late;
  await Promise.all(consumers.map((each) => each.idle()));

  const rows = await database.read(system, (tx) => tx.rows<{ name: string }>`select name from shop.seen`);
  assert.equal(rows.length, 51);
  assert.equal(new Set(rows.map(({ name }) => name)).size, 51);
});

test('an event of a transaction that is rolled back never happened', async (t) => {
  const { database, say } = await startShop(t);
  const seen: string[] = [];
  const consumer = await consume({ database, clock: systemClock, name: 'meter', handle: async (_, event) => void seen.push(event.type) });
  t.after(() => consumer.stop());

  const attempt = database.transaction(system, async (tx) => {
    await say(tx, 'chair');
    throw new Error('no');
  });

  await assert.rejects(attempt);
  await consumer.idle();
  assert.deepEqual(seen, []);
});

test('events of one resource come in order, and wait while one of them cannot be handled', async (t) => {
  const clock = manualClock(new Date());
  const { database, say } = await startShop(t);
  const seen: string[] = [];
  let broken = true;
  const consumer = await consume({
    database,
    clock,
    name: 'meter',
    async handle(_, { resourceId, payload }) {
      const { count } = payload as { count: number };
      if (count === 1 && broken) throw new Error('broken');
      seen.push(`${resourceId}${count}`);
    },
  });
  t.after(() => consumer.stop());

  for (const name of ['a', 'a', 'b']) await database.transaction(system, (tx) => say(tx, name));
  await consumer.idle();
  assert.deepEqual(seen, ['b3']);
  assert.equal((await database.read(system, failingDeliveries))[0]?.about, 'chair/a');

  broken = false;
  clock.advance(60_000);
  await consumer.idle();
  assert.deepEqual(seen, ['b3', 'a1', 'a2']);
});

test('a consumer gets only the types that it asked for', async (t) => {
  const { database } = await startShop(t);
  const seen: string[] = [];
  const consumer = await consume({
    database, clock: systemClock, name: 'meter', types: ['chair.*'],
    handle: async (_, { type }) => void seen.push(type),
  });
  t.after(() => consumer.stop());

  await database.transaction(system, async (tx) => {
    for (const type of ['chair.sold', 'table.sold', 'chair_sold'])
      await emit(tx, systemClock, { type, resource: 'thing', resourceId: '1', payload: {} });
  });
  await consumer.idle();

  assert.deepEqual(seen, ['chair.sold']);
});

test('a subscriber resumes after the last event that it saw, and sees only what it asked for', async (t) => {
  const { database, say } = await startShop(t);
  await database.transaction(system, async (tx) => {
    for (const name of ['one', 'two', 'three']) await say(tx, name);
  });
  const [first] = await database.read(system, (tx) => listEvents(tx, 'chair', 'one'));
  const stream = await createEventStream({ database, clock: systemClock });
  t.after(() => stream.close());
  const ending = new AbortController();

  const seen: string[] = [];
  const subscription = stream.subscribe({ after: first!.id, projectId: 'red', signal: ending.signal });
  await database.transaction(system, (tx) => say(tx, 'elsewhere', 'blue'));
  await database.transaction(system, (tx) => say(tx, 'four'));
  for await (const { resourceId } of subscription) {
    seen.push(resourceId);
    if (resourceId === 'four') ending.abort();
  }

  assert.deepEqual(seen, ['two', 'three', 'four']);
});

test('a subscriber misses nothing of a transaction that commits late', async (t) => {
  const { database, say } = await startShop(t);
  let reads = 0;
  const watched = { ...database, read: ((scope, work) => database.read(scope, work).finally(() => reads++)) as Database['read'] };
  const stream = await createEventStream({ database: watched, clock: systemClock });
  t.after(() => stream.close());
  const ending = new AbortController();
  const subscription = stream.subscribe({ signal: ending.signal });

  await database.transaction(system, async (late) => {
    await say(late, 'late');
    // From here on it has its number.
    await late.run`select pg_current_xact_id()`;
    await database.transaction(system, (early) => say(early, 'early'));
    // The second read from here began after "early" was committed.
    const enough = reads + 2;
    await until(async () => reads >= enough);
  });
  const seen: string[] = [];
  for await (const { resourceId } of subscription) if (seen.push(resourceId) === 2) ending.abort();

  assert.deepEqual(seen, ['late', 'early']);
});

test('a subscriber that does not keep up is cut off instead of filling the memory', async (t) => {
  const { database } = await startShop(t);
  const stream = await createEventStream({ database, clock: systemClock });
  t.after(() => stream.close());
  const { signal } = new AbortController();
  const [slow, quick] = [stream.subscribe({ signal }), stream.subscribe({ signal })];

  await database.transaction(system, (tx) => tx.run`
    insert into kit.event (type, resource, resource_id, payload, at)
    select 'chair.sold', 'chair', number::text, '{}', now() from generate_series(1, 1500) number`);
  await database.transaction(system, (tx) => emit(tx, systemClock, { type: 'end', resource: 'end', resourceId: '', payload: {} }));
  for await (const { type } of quick) if (type === 'end') break;

  await assert.rejects(Array.fromAsync(slow), SubscriptionLost);
});

test('a stream that is closed while it reads ends, though no time passes', { timeout: 30_000 }, async (t) => {
  const { database } = await startShop(t);
  const stream = await createEventStream({ database, clock: manualClock(new Date()) });

  // Its first reading is under way.
  await stream.close();
});

test('old events go when all consumers have had them', async (t) => {
  const { database, say } = await startShop(t);
  const consumer = await consume({ database, clock: systemClock, name: 'meter', handle: async () => {} });
  await consumer.stop();
  await database.transaction(system, (tx) => say(tx, 'chair'));
  const later = new Date(Date.now() + 1_000);

  assert.equal(await database.transaction(system, (tx) => forgetEventsBefore(tx, later)), 0);
  const again = await consume({ database, clock: systemClock, name: 'meter', handle: async () => {} });
  t.after(() => again.stop());
  await again.idle();
  assert.equal(await database.transaction(system, (tx) => forgetEventsBefore(tx, later)), 1);
});

test('a request with the same key is answered from memory, for a day, and another one is refused', async (t) => {
  const clock = manualClock(new Date());
  const { database } = await startShop(t);
  const scope = { kind: 'project', projectId: 'red' } as const;
  const request = { projectId: 'red', key: 'k', secret: 'what only the caller knows', fingerprint: 'POST chair' };
  const result = { status: 202, headers: { location: '/chair/1' }, body: '{"id":1}' };
  let done = 0;
  const ask = (meanwhile = async () => {}) =>
    database.transaction(scope, async (tx) => {
      const before = await findResult(tx, clock, request);
      if (before) return before;
      done++;
      await meanwhile();
      await keepResult(tx, { now: clock.now(), random: systemRandom }, request, result);
      return result;
    });
  let second: Promise<unknown> = Promise.resolve();
  const first = ask(async () => {
    second = ask();
    await until(async () => done > 1 || (await someoneWaits()));
  });
  const someoneWaits = async () => {
    const [row] = await database.read(system, (tx) => tx.rows<{ waits: boolean }>`
      select exists (select from pg_locks where locktype = 'advisory' and not granted) as waits`);
    return row!.waits;
  };

  assert.deepEqual(await first, result);
  assert.deepEqual(await second, result);
  assert.equal(done, 1);
  const other = database.transaction(scope, (tx) => findResult(tx, clock, { ...request, fingerprint: 'POST table' }));
  await assert.rejects(other, KeyConflict);
  clock.advance(24 * 3600 * 1000);
  await ask();
  assert.equal(done, 2);
});

test('the kept answer to a request can be read only with the key that was sent', async (t) => {
  const { database } = await startShop(t);
  const scope = { kind: 'project', projectId: 'red' } as const;
  const request = { projectId: 'red', key: 'digest of the key', secret: 'what only the caller knows', fingerprint: 'POST chair' };
  const result = { status: 201, headers: { 'x-subject-token': 'ticket' }, body: '{"private_key":"treasure"}' };

  await database.transaction(scope, (tx) => keepResult(tx, { now: systemClock.now(), random: systemRandom }, request, result));

  const [row] = await database.read(system, (tx) => tx.rows<{ sealed: Buffer }>`select * from kit.idempotency`);
  const readable = JSON.stringify(row) + row!.sealed.toString('latin1');
  for (const secret of ['treasure', 'ticket', request.secret]) assert.ok(!readable.includes(secret), secret);
  assert.deepEqual(await database.transaction(scope, (tx) => findResult(tx, systemClock, request)), result);
  await assert.rejects(database.transaction(scope, (tx) => findResult(tx, systemClock, { ...request, secret: 'a guess' })), /unable to authenticate/);
});

test('an entry of the audit is there exactly when the deed is', async (t) => {
  const { database } = await startShop(t);
  const entry = { action: 'chair.sell', target: 'chair/1', outcome: 'success', projectId: 'red' } as const;

  await database.transaction(system, (tx) => audit(tx, systemClock, entry));
  await assert.rejects(
    database.transaction(system, async (tx) => {
      await audit(tx, systemClock, entry);
      throw new Error('no');
    }),
  );

  const [row] = await database.read(system, (tx) => tx.rows<{ count: number }>`select count(*) from kit.audit`);
  assert.equal(row?.count, 1);
});

async function startShop(t: TestContext) {
  const { database } = await testDatabase(t);
  await database.transaction(system, (tx) => tx.script('create schema shop; create table shop.seen (name text)'));
  let count = 0;
  const say = (tx: Transaction, name: string, projectId = 'red') =>
    emit(tx, systemClock, { type: 'chair.sold', resource: 'chair', resourceId: name, projectId, payload: { count: ++count } });
  return { database, say };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('It did not come true in time');
    await new Promise(setImmediate);
  }
}
