import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbers, texts } from './arrays.ts';
import { testDatabase } from './testing.ts';

const system = { kind: 'system', reason: 'test' } as const;

test('lists of texts and numbers reach PostgreSQL as they are, whatever is in them', async (t) => {
  const { database } = await testDatabase(t);
  const lists = [['a', null, 'b c'], ['a\nb', 'c'], ['', 'x', null], ['\\n', '{"}', 'NULL'], [null], []];

  for (const list of lists) {
    const row = await database.read(system, (tx) => tx.one<{ list: (string | null)[] }>`select coalesce(array_agg(given order by place), '{}') as list from unnest(${texts(list)}) with ordinality as each (given, place)`);
    assert.deepEqual(row?.list, list);
  }
  const row = await database.read(system, (tx) => tx.one<{ list: (number | null)[] }>`select ${numbers([1, null, 2.5])}::float8[] as list`);
  assert.deepEqual(row?.list, [1, null, 2.5]);
});
