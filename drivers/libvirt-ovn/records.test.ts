import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openRecords } from './records.ts';

test('the newest generation is remembered by whoever opens the records next, after a removal too', async (t) => {
  const folder = await scratch(t);
  const id = randomUUID();
  const first = await openRecords<{ size: number }>(folder);
  await first.accept(id, 5);
  await first.save(id, { size: 1 });

  const second = await openRecords<{ size: number }>(folder);
  assert.deepEqual(await second.find(id), { size: 1 });
  await assert.rejects(second.accept(id, 4), { kind: 'stale' });
  await second.accept(id, 6);
  await second.remove(id);

  const third = await openRecords<{ size: number }>(folder);
  assert.equal(await third.find(id), undefined);
  assert.deepEqual(await third.list(), []);
  await assert.rejects(third.accept(id, 5), { kind: 'stale' });
});

test('a removal is forgotten after a week', async (t) => {
  const folder = await scratch(t);
  const id = randomUUID();
  const records = await openRecords<{ size: number }>(folder);
  await records.accept(id, 9);
  await records.remove(id);
  const longAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
  await utimes(join(folder, `${id}.json`), longAgo, longAgo);

  const later = await openRecords<{ size: number }>(folder);

  assert.deepEqual(await readdir(folder), []);
  await later.accept(id, 1);
});

test('an id that is no id names no file', async (t) => {
  const records = await openRecords<{ size: number }>(await scratch(t));

  for (const id of ['../../etc/passwd', '', 'a', `${randomUUID()}/x`]) await assert.rejects(records.save(id, { size: 1 }), { kind: 'invalid' });
});

async function scratch(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ic-records-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
