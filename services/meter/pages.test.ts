import assert from 'node:assert/strict';
import { copyFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../kit/postgres/migrate.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import type { NewRecord } from './intervals.ts';
import { appendRecords, countKept, firstRecords, forgetAcknowledged, readProgress } from './meters.store.ts';

const system = { kind: 'system', reason: 'test' } as const;
const directory = (service: string) => fileURLToPath(new URL(`../${service}/schema/`, import.meta.url));
const migrations = ['quota', 'meter'].map((service) => ({ service, directory: directory(service) }));
const [from, until] = [new Date('2026-03-01T10:00:00.125Z'), new Date('2026-03-01T10:30:00Z')];
const record = (number: number): NewRecord => ({
  resource: 'volume', resourceId: `v${number}`, projectId: 'A', measured: { flavor: 'fast', measures: { volumes: 1, GiB: number % 3 } }, previous: null, current: 'available', from, until, eventId: number,
});

test('records are numbered over pages and transactions, and read whole pages at a time, as they were written', async (t) => {
  const { database } = await testDatabase(t, { migrations });
  const all = Array.from({ length: 6_000 }, (_, index) => record(index + 1));
  await database.transaction(system, (tx) => appendRecords(tx, all.slice(0, 5_999)));
  await database.transaction(system, (tx) => appendRecords(tx, all.slice(5_999)));

  const [some, few, every] = await Promise.all([5_000, 10, 10_000].map((limit) => database.read(system, (tx) => firstRecords(tx, limit))));

  assert.deepEqual([some!.length, few!.length, every!.length], [5_000, 2_500, 6_000]);
  assert.deepEqual(every, all.map((each, index) => ({ ...each, sequence: index + 1 })));
});

test('what home has of a page is not sent again, and the page stays until home has all of it', async (t) => {
  const { database } = await testDatabase(t, { migrations });
  const left = () => database.read(system, async (tx) => [(await firstRecords(tx, 10)).map(({ sequence }) => sequence), await countKept(tx)]);
  await database.transaction(system, (tx) => appendRecords(tx, [record(1), record(2), record(3)]));
  await database.transaction(system, (tx) => appendRecords(tx, [record(4)]));

  await database.transaction(system, (tx) => forgetAcknowledged(tx, { next: 3, through: null }));
  assert.deepEqual(await left(), [[3, 4], 2]);
  await database.transaction(system, (tx) => forgetAcknowledged(tx, { next: 4, through: null }));
  assert.deepEqual(await left(), [[4], 1]);
  await database.transaction(system, (tx) => forgetAcknowledged(tx, { next: 5, through: null }));
  assert.deepEqual(await left(), [[], 0]);
});

test('records that a region kept one by one before it had pages are still there, with their numbers', async (t) => {
  const before = await mkdtemp(join(tmpdir(), 'test-meter-'));
  t.after(() => rm(before, { recursive: true }));
  for (const file of (await readdir(directory('meter'))).filter((name) => name < '0005')) await copyFile(join(directory('meter'), file), join(before, file));
  const { database } = await testDatabase(t, { migrations: [migrations[0]!, { service: 'meter', directory: before }] });
  await database.transaction(system, async (tx) => {
    await tx.run`insert into meter.shape (resource, flavor, measures) values ('volume', 'fast', '{"volumes": 1, "GiB": 1}')`;
    await tx.run`
      insert into meter.record (sequence, resource_id, project_id, shape_id, previous, current, since_at, until_at, event_id)
      select number, 'v1', case when number % 2 = 0 then 'A' else 'B' end, 1, null, 'available', ${from}, ${until}, number from generate_series(2000, 6000) number`;
    await tx.run`update meter.progress set next_sequence = 6001, acknowledged = 1999`;
  });

  await migrate(database, migrations);

  const kept = await database.read(system, (tx) => firstRecords(tx, 10_000));
  assert.deepEqual(kept, Array.from({ length: 4_001 }, (_, index) => ({ ...record(1), eventId: 2_000 + index, sequence: 2_000 + index, projectId: index % 2 === 0 ? 'A' : 'B' })));
  assert.deepEqual(await database.read(system, async (tx) => [await countKept(tx), (await readProgress(tx)).next]), [4_001, 6_001]);
});
