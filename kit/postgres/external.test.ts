import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from './database.ts';
import { ensureDatabaseAt, urlOfDatabase } from './external.ts';
import { migrate } from './migrate.ts';
import { startTestServer } from './testing.ts';

test("on anybody's server the databases are made once, and serve as our own do", async (t) => {
  const server = await startTestServer();
  t.after(() => server.stop());
  const url = `postgres://postgres@${encodeURIComponent(server.socketDir)}:${server.port}/postgres`;

  await ensureDatabaseAt(url, 'cloud_home');
  await ensureDatabaseAt(url, 'cloud_home');

  const database = openDatabase({ url: urlOfDatabase(url, 'cloud_home'), applicationName: 'test' });
  t.after(() => database.close());
  await migrate(database, []);
  const [row] = await database.read({ kind: 'system', reason: 'test' }, (tx) => tx.rows<{ bound: boolean }>`select not (rolsuper or rolbypassrls) as bound from pg_roles where rolname = current_user`);
  assert.deepEqual(row, { bound: true });
});

test('a server that is not there is named, with its reason', async () => {
  await assert.rejects(ensureDatabaseAt('postgres://nobody@127.0.0.1:1/postgres', 'x'), /Cannot make the database x: .*ECONNREFUSED/);
});
