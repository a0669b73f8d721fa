import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConstraintViolation, openDatabase, sql, type Database, type Scope } from './database.ts';
import { migrate } from './migrate.ts';
import { testDatabase } from './testing.ts';

const migrations = [{ service: 'shop', directory: fileURLToPath(new URL('testdata', import.meta.url)) }];
const system = { kind: 'system', reason: 'test' } as const;
const red = { kind: 'project', projectId: 'red' } as const;
const blue = { kind: 'project', projectId: 'blue' } as const;

test('a statement that forgets to ask for the project sees and changes only that project', async (t) => {
  const { database } = await startShop(t);

  assert.deepEqual(await names(database, red), ['red chair', 'shown chair']);
  assert.deepEqual(await names(database, blue), ['blue chair', 'shown chair']);
  assert.equal(await database.transaction(red, (tx) => tx.run`update shop.item set price = 1`), 1);
  assert.equal(await database.transaction(red, (tx) => tx.run`delete from shop.item`), 1);
  assert.deepEqual(await names(database, system), ['blue chair', 'shown chair']);
});

test('a project cannot write rows of another, nor give its own away', async (t) => {
  const { database } = await startShop(t);

  const insert = database.transaction(red, (tx) => tx.run`insert into shop.item (project_id, name) values ('blue', 'gift')`);
  const move = database.transaction(red, (tx) => tx.run`update shop.item set project_id = 'blue'`);

  await assert.rejects(insert, /row-level security/);
  await assert.rejects(move, /row-level security/);
});

test('without a scope nothing is visible, on connections that had one before too', async (t) => {
  const { database, open } = await startShop(t);
  await names(database, system);

  const bare = open({ max: 1 });
  const count = sql`select count(*)::int as count from shop.item`;
  assert.deepEqual(await bare.transaction(red, (tx) => tx.one(count)), { count: 2 });
  const unscoped = await bare.transaction(red, async (tx) => {
    await tx.run`select set_config('intercloud.project', '', true)`;
    return tx.one(count);
  });
  assert.deepEqual(unscoped, { count: 0 });
  await assert.rejects(bare.read({ kind: 'project', projectId: '*' }, (tx) => tx.one(count)), /no project/);
});

test('readers of many projects never see each other’s rows, however they take turns', async (t) => {
  const { database } = await startShop(t);
  const projects = Array.from({ length: 20 }, (_, index) => `p${index}`);
  await database.transaction(system, (tx) => tx.run`
    insert into shop.item (project_id, name) select project, project from unnest(${projects}::text[]) project`);

  const seen = await Promise.all(
    Array.from({ length: 400 }, async (_, index) => {
      const projectId = projects[index % 20]!;
      const use = index % 3 ? database.read : database.transaction;
      const rows = await use({ kind: 'project', projectId }, (tx) =>
        tx.rows<{ name: string }>`select name from shop.item where not shown`);
      return rows.length === 1 && rows[0]?.name === projectId;
    }),
  );

  assert.ok(seen.every(Boolean));
});

test('a table with many projects is read by its index, without being asked for the project', async (t) => {
  const { database } = await startShop(t);
  await database.transaction(system, async (tx) => {
    await tx.run`drop policy shown_to_others on shop.item`;
    await tx.run`insert into shop.item (project_id, name) select 'p' || number % 500, number from generate_series(1, 20000) number`;
    await tx.script('analyze shop.item');
  });

  const plan = await database.read({ kind: 'project', projectId: 'p7' }, (tx) =>
    tx.rows<{ 'QUERY PLAN': string }>`explain select * from shop.item`);

  assert.match(plan.map((line) => line['QUERY PLAN']).join('\n'), /Index Cond: .*project_id/);
});

test('a read cannot write', async (t) => {
  const { database } = await startShop(t);

  await assert.rejects(database.read(red, (tx) => tx.run`delete from shop.item`), { code: '25006' });
});

test('a broken rule of the schema is told by its name', async (t) => {
  const { database } = await startShop(t);
  const insert = (name: string, price: number) =>
    database.transaction(red, (tx) => tx.run`insert into shop.item (project_id, name, price) values ('red', ${name}, ${price})`);

  await assert.rejects(insert('red chair', 1), (error) => {
    assert.ok(error instanceof ConstraintViolation);
    assert.deepEqual([error.kind, error.table, error.constraint], ['unique', 'shop.item', 'one_of_each_name']);
    return true;
  });
  await assert.rejects(insert('free chair', -1), { kind: 'check', constraint: 'item_price_check' });
});

test('a transaction that goes on after a failed statement is not reported as done', async (t) => {
  const { database } = await startShop(t);
  let followed = false;

  const attempt = database.transaction(red, async (tx) => {
    tx.afterCommit(() => (followed = true));
    await tx.run`insert into shop.item (project_id, name) values ('red', 'table')`;
    await tx.run`select 1 / 0`.catch(() => 0);
  });

  await assert.rejects(attempt, /rolled back/);
  assert.equal(followed, false);
  assert.deepEqual(await names(database, red), ['red chair', 'shown chair']);
});

test('transactions that stand in each other’s way are run again', async (t) => {
  const { database } = await startShop(t);
  const lock = (name: string) => sql`update shop.item set price = coalesce(price, 0) + 1 where name = ${name}`;
  let met = 0;
  const both = Promise.withResolvers<void>();
  const crossing = (first: string, second: string) =>
    database.transaction(system, async (tx) => {
      await tx.run(lock(first));
      if (++met === 2) both.resolve();
      await both.promise;
      await tx.run(lock(second));
    });

  await Promise.all([crossing('red chair', 'blue chair'), crossing('blue chair', 'red chair')]);

  const prices = await database.read(system, (tx) => tx.rows`select price from shop.item where price is not null`);
  assert.deepEqual(prices, [{ price: 2 }, { price: 2 }]);
  // Who is run again may be the first to have the row that the other waits for, and is then in its way once more.
  assert.ok(met >= 3);
});

test('a connection that breaks before COMMIT costs the caller nothing', async (t) => {
  const { database, open } = await startShop(t);
  const other = open();
  let broken = false;

  await database.transaction(red, async (tx) => {
    const me = await tx.one<{ pid: number }>`select pg_backend_pid() as pid`;
    await tx.run`insert into shop.item (project_id, name) values ('red', 'table')`;
    if (broken) return;
    broken = true;
    await other.read(system, (administration) => administration.run`select pg_terminate_backend(${me?.pid})`);
    await tx.run`select 1`;
  });

  assert.deepEqual(await names(database, red), ['red chair', 'shown chair', 'table']);
});

test('a migration under running programs makes no statement fail', async (t) => {
  const { database } = await startShop(t);
  const all = () => database.read(red, (tx) => tx.rows`select * from shop.item`);
  // On several connections, each of which has prepared the statement.
  await Promise.all(Array.from({ length: 10 }, all));

  await database.transaction(system, (tx) => tx.script('alter table shop.item add column colour text'));

  const results = await Promise.all(Array.from({ length: 10 }, all));
  assert.ok(results.every((rows) => rows.every((row) => 'colour' in row)));
});

test('connections that nobody has used for a while are closed, but for the last', async (t) => {
  const { database, open } = await startShop(t);
  const wide = open({ max: 5, idleMs: 50, applicationName: 'wide' });
  const count = async () => (await database.read(system, (tx) => tx.one<{ count: number }>`select count(*)::int as count from pg_stat_activity where application_name = 'wide'`))!.count;

  await Promise.all(Array.from({ length: 5 }, (_, index) => wide.read({ kind: 'project', projectId: `p${index}` }, (tx) => tx.one`select pg_sleep(0.01)`)));
  assert.equal(await count(), 5);

  while ((await count()) > 1) await new Promise(setImmediate);
  await wide.read(red, (tx) => tx.one`select 1`);
  assert.equal(await count(), 1);
});

test('who reads at the same moment shares a connection, sees what is theirs, and fails alone', async (t) => {
  const { open } = await startShop(t);
  const wide = open({ max: 5 });
  const readers = [red, red, blue, system, red, blue, system, red];

  const seen = await Promise.all(
    readers.map((scope, index) =>
      wide.read(scope, async (tx) => {
        const { pid } = (await tx.one<{ pid: number }>`select pg_backend_pid() as pid`)!;
        if (index === 1) await assert.rejects(tx.one`select 1 / 0`, /division by zero/);
        // What a failed statement took back must not leave others in another scope.
        const rows = index === 1 ? [] : await tx.rows<{ name: string }>`select name from shop.item where not shown order by name`;
        return { scope, pid, names: rows.map(({ name }) => name) };
      }),
    ),
  );

  const pidsOf = (scope: Scope) => new Set(seen.filter((each) => each.scope === scope).map(({ pid }) => pid));
  assert.deepEqual([red, blue, system].map((scope) => pidsOf(scope).size), [1, 1, 1]);
  assert.equal(new Set(seen.map(({ pid }) => pid)).size, 3);
  const own = new Map<Scope, string[]>([[red, ['red chair']], [blue, ['blue chair']], [system, ['blue chair', 'red chair']]]);
  assert.deepEqual(seen.map(({ names: each }) => each), readers.map((scope, index) => (index === 1 ? [] : own.get(scope)!)));
});

test('a read that fails at once leaves those beside it in their scope', async (t) => {
  const { open } = await startShop(t);
  const narrow = open({ max: 1 });
  // The scope of the connection is another one, so that each of them has to set it.
  for (const before of [blue, system]) {
    await names(narrow, before);
    const bad = () => narrow.read(red, (tx) => tx.one`select 1 / 0`);
    const [first, seen, second, again] = await Promise.allSettled([bad(), names(narrow, red), bad(), names(narrow, red)]);
    assert.deepEqual([first.status, second.status], ['rejected', 'rejected']);
    for (const each of [seen, again]) assert.deepEqual(each.status === 'fulfilled' && each.value, ['red chair', 'shown chair']);
    assert.deepEqual(await names(narrow, red), ['red chair', 'shown chair']);
  }
});

test('a read that asks nothing takes no connection', async (t) => {
  const { open } = await startShop(t);
  const narrow = open({ max: 1, waitMs: 50 });

  assert.equal(await narrow.transaction(red, () => narrow.read(red, async () => 'remembered')), 'remembered');
});

test('who waits in vain for a connection is told so', async (t) => {
  const { open } = await startShop(t);
  const narrow = open({ max: 1, waitMs: 50 });

  await narrow.transaction(red, () => assert.rejects(narrow.read(red, (tx) => tx.one`select 1`), { name: 'DatabaseUnavailable' }));

  const nowhere = openDatabase({ host: '/nowhere', port: 5432, user: 'x', database: 'x', applicationName: 'test', waitMs: 50 });
  await assert.rejects(nowhere.read(red, (tx) => tx.one`select 1`), { name: 'DatabaseUnavailable' });
  await assert.rejects(nowhere.listen('bell', () => {}), { name: 'DatabaseUnavailable' });
  assert.equal(await nowhere.isReady(), false);
  await nowhere.close();
});

test('a superuser from outside is bound by the policies too', async (t) => {
  const { database, target } = await startShop(t);
  await database.transaction(system, (tx) => tx.run`grant usage on schema shop to public`);
  await database.transaction(system, (tx) => tx.run`grant select on shop.item to public`);
  await database.transaction(system, (tx) => tx.run`grant usage on schema kit to public`);
  const asSuperuser = openDatabase({ ...target, user: 'postgres', applicationName: 'test' });
  t.after(() => asSuperuser.close());

  assert.deepEqual(await names(asSuperuser, red), ['red chair', 'shown chair']);
});

test('who listens is woken after the commit, and again when the connection was lost (FAILURES 25)', async (t) => {
  const { database, open } = await startShop(t);
  let woken = 0;
  let next = Promise.withResolvers<void>();
  await database.listen('bell', () => {
    woken++;
    next.resolve();
  });

  await open().transaction(red, async (tx) => tx.wake('bell'));
  await next.promise;
  assert.equal(woken, 1);

  next = Promise.withResolvers<void>();
  await open().read(system, (tx) => tx.run`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test session' and datname = current_database()`);
  await next.promise;
  next = Promise.withResolvers<void>();
  await open().transaction(red, async (tx) => tx.wake('bell'));
  await next.promise;
  assert.equal(woken, 3);
});

test('values keep their kinds, and fragments are put together in order', async (t) => {
  const { database } = await startShop(t);
  const at = new Date('2026-01-02T03:04:05.678Z');
  const conditions = [sql`price = any(${[1, 2]})`, sql`name = ${'it’s $1'}`];

  await database.transaction(red, (tx) => tx.run`
    insert into shop.item (project_id, name, price, details) values ('red', ${'it’s $1'}, ${2}, ${sql.json([1, { a: null }])})`);
  const row = await database.read(red, (tx) => tx.one`
    select ${sql.ident('price')}, details, ${at}::timestamptz as at, 9007199254740991 as big, '2026-01-02'::date as day,
      ${sql.or([])} as none
    from shop.item where ${sql.and(conditions)}`);

  assert.deepEqual(row, { price: 2, details: [1, { a: null }], at, big: Number.MAX_SAFE_INTEGER, day: '2026-01-02', none: false });
});

test('a migration is run once, and refused when it was changed afterwards', async (t) => {
  const { database } = await testDatabase(t);
  const directory = await mkdtemp(join(tmpdir(), 'migrations-'));
  t.after(() => rm(directory, { recursive: true }));
  const list = [{ service: 'shop', directory }];
  await writeFile(join(directory, '0001-shop.sql'), 'create schema shop; create table shop.chair (id int)');

  assert.deepEqual((await Promise.all([migrate(database, list), migrate(database, list)])).flat(), ['shop/0001-shop.sql']);
  await writeFile(join(directory, '0002-broken.sql'), 'create table shop.table (id int); select 1 / 0');
  await assert.rejects(migrate(database, list), /shop\/0002-broken.sql/);
  await writeFile(join(directory, '0002-broken.sql'), 'create table shop."table" (id int)');
  assert.deepEqual(await migrate(database, list), ['shop/0002-broken.sql']);
  await writeFile(join(directory, '0001-shop.sql'), 'select 1');
  await assert.rejects(migrate(database, list), /was changed/);
});

async function startShop(t: TestContext) {
  const shop = await testDatabase(t, { migrations });
  await shop.database.transaction(system, (tx) => tx.run`
    insert into shop.item (project_id, name, shown)
    values ('red', 'red chair', false), ('blue', 'blue chair', false), ('green', 'shown chair', true)`);
  return shop;
}

async function names(database: Database, scope: Scope): Promise<string[]> {
  const rows = await database.read(scope, (tx) => tx.rows<{ name: string }>`select name from shop.item order by name`);
  return rows.map(({ name }) => name);
}
