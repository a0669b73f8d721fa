import assert from 'node:assert/strict';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Type } from 'typebox';
import { operations, service, since } from '../../contract/contract.ts';
import { manualClock, systemRandom } from '../clock.ts';
import { emit } from '../events/events.ts';
import { conflict, notFound } from '../fault.ts';
import { createLog } from '../log.ts';
import { testDatabase } from '../postgres/testing.ts';
import { nobody, type Caller } from './caller.ts';
import { Answer, implement, implementService } from './implement.ts';
import { createDoor } from './serve.ts';

const book = Type.Object({ id: Type.String(), title: Type.String(), pages: since('1.2', Type.Integer()) });

const books = operations({
  list: { method: 'GET', path: '/books', summary: 'List', access: { rule: 'books:list', who: 'reader' }, stability: 'stable', query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1 })) }), status: 200, response: Type.Object({ books: Type.Array(book) }), list: { resource: 'book', show: 'show', parameter: 'book_id' } },
  show: { method: 'GET', path: '/books/{book_id}', summary: 'Show', access: { rule: 'books:show', who: 'reader', adminEverywhere: true }, stability: 'stable', status: 200, response: Type.Object({ book }) },
  create: {
    method: 'POST',
    path: '/books',
    summary: 'Write',
    access: { rule: 'books:create', who: 'member' },
    stability: 'deprecated',
    deprecation: { since: '2026-01-01T00:00:00Z', sunset: '2027-01-01T00:00:00Z' },
    body: Type.Object({ book: Type.Object({ title: Type.String({ minLength: 1, maxLength: 20 }), pages: Type.Optional(since('1.2', Type.Integer({ minimum: 1 }))) }, { additionalProperties: false }) }, { additionalProperties: false }),
    status: 201,
    response: Type.Object({ book }),
  },
  burn: { method: 'POST', path: '/books/{book_id}/action', action: 'burn', summary: 'Burn', access: { rule: 'books:burn', who: 'admin' }, stability: 'stable', body: Type.Object({ burn: Type.Null() }, { additionalProperties: false }), status: 202 },
  lend: { method: 'POST', path: '/books/{book_id}/action', action: 'lend', summary: 'Lend', access: { rule: 'books:lend', who: 'member' }, stability: 'stable', body: Type.Object({ lend: Type.Object({ to: Type.String() }) }, { additionalProperties: false }), status: 202 },
});

const library = service({
  type: 'library',
  name: 'alexandria',
  title: 'Library',
  root: '/library',
  path: '/library/v1',
  catalogPath: '/library/v1',
  projectInPath: true,
  where: 'region',
  microversions: {
    name: 'library',
    min: '1.0',
    max: '1.3',
    changes: [{ version: '1.3', title: 'Titles are no longer in capitals', operations: ['books.show'], response: ({ book }: { book: { title: string } }) => ({ book: { ...book, title: book.title.toUpperCase() } }) }],
  },
  discovery: [{ path: '/library', status: 300, document: (base) => ({ href: `${base}/library/v1` }) }],
  shape: ({ code, message, status }) => ({ body: { [code]: { code: status, message } } }),
  nouns: { books },
});

function caller(projectId: string, ...roles: string[]): Caller {
  return { ...nobody, userId: `user-of-${projectId}`, projectId, roles: new Set(roles), isAdmin: roles.includes('admin') };
}

const callers: Record<string, Caller> = {
  'alice-token': caller('alice', 'member', 'reader'),
  'bob-token': caller('bob', 'member', 'reader'),
  'reader-token': caller('alice', 'reader'),
  'admin-token': caller('ops', 'admin', 'member', 'reader'),
};

async function startLibrary(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'library-'));
  writeFileSync(join(directory, '0001-books.sql'), `create schema library; create table library.book (id text primary key, project_id text not null, title text not null unique, pages int not null); call kit.protect('library.book');`);
  const { database } = await testDatabase(t, { migrations: [{ service: 'library', directory }] });
  const clock = manualClock(new Date('2026-11-22T00:00:00Z'));
  const lines: string[] = [];
  const handlers = implement(books, {
    list: async ({ tx, query, page }) => {
      const found = await tx.rows<{ id: string; title: string; pages: number }>`select id, title, pages from library.book order by id limit ${query.limit ?? 100}`;
      return new Answer({ books: found }, { next: found.length === query.limit ? page({ marker: found.at(-1)!.id }) : undefined });
    },
    show: async ({ tx, params }) => {
      const found = await tx.one<{ id: string; title: string; pages: number }>`select id, title, pages from library.book where id = ${params.book_id}`;
      if (!found) throw notFound(`Book ${params.book_id} could not be found.`);
      return { book: found };
    },
    create: async ({ tx, body, caller, requestId }) => {
      const made = { id: systemRandom.uuid(), title: body.book.title, pages: body.book.pages ?? 1 };
      await tx.run`insert into library.book (id, project_id, title, pages) values (${made.id}, ${caller.projectId}, ${made.title}, ${made.pages})`;
      if (made.title === 'cursed') throw new Error('the secret spell is abracadabra');
      if (made.title === 'banned') throw conflict('That book is banned.');
      await emit(tx, clock, { type: 'book.create.end', resource: 'book', resourceId: made.id, projectId: caller.projectId!, payload: {}, requestId });
      return { book: made };
    },
    burn: async ({ tx, params }) => {
      await tx.run`delete from library.book where id = ${params.book_id}`;
      return undefined;
    },
    lend: async () => undefined,
  });
  const door = createDoor({
    implementations: [implementService(library, database, { books: handlers })],
    authenticate: (token) => callers[token],
    clock,
    random: systemRandom,
    log: createLog({ name: 'test', level: 'info', destination: { write: (line: string) => void lines.push(line) } }),
    rateLimit: { perSecond: 1, burst: 50 },
  });
  t.after(() => door.drain());
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, { token = 'alice-token', body, headers = {} }: { token?: string; body?: object | string; headers?: Record<string, string> } = {}) => {
    const reply = await door.app.inject({ method, url: `/library/v1${path}`, headers: { ...(token === '' ? {} : { 'x-auth-token': token }), ...headers }, ...(body === undefined ? {} : { payload: body }) });
    return { status: reply.statusCode, body: (reply.body === '' ? undefined : JSON.parse(reply.body)) as Reply, headers: reply.headers };
  };
  const rows = () =>
    database.read({ kind: 'system', reason: 'test' }, (tx) => tx.one<{ books: number; audits: number }>`select (select count(*)::int from library.book) as books, (select count(*)::int from kit.audit) as audits`);
  return { door, ask, database, lines, rows };
}

type Reply = { book: { id: string; title: string; pages?: number }; books: { title: string }[] } & Record<string, { message: string; code: number }>;

test('a change, its audit entry and its reply are one transaction', async (t) => {
  const { ask, rows } = await startLibrary(t);

  const made = await ask('POST', '/books', { body: { book: { title: 'Ulysses' } } });
  const refused = await ask('POST', '/books', { body: { book: { title: 'banned' } } });

  assert.equal(made.status, 201);
  assert.equal(refused.status, 409);
  assert.deepEqual(refused.body, { conflictingRequest: { code: 409, message: 'That book is banned.' } });
  assert.deepEqual(await rows(), { books: 1, audits: 1 });
});

test('a request without a valid token, or without the right, changes nothing', async (t) => {
  const { ask, rows } = await startLibrary(t);
  const body = { book: { title: 'Emma' } };

  const answers = await Promise.all(['', 'forged', 'reader-token'].map((token) => ask('POST', '/books', { token, body })));

  assert.deepEqual(answers.map(({ status }) => status), [401, 401, 403]);
  assert.match(String(answers[0]?.headers['www-authenticate']), /^Keystone uri=/);
  assert.deepEqual(await rows(), { books: 0, audits: 0 });
});

test("another project's book looks as if it did not exist, except to an administrator", async (t) => {
  const { ask } = await startLibrary(t);
  const { body } = await ask('POST', '/books', { body: { book: { title: 'Dune' } } });

  const path = `/books/${body.book.id}`;
  const statuses = await Promise.all(['alice-token', 'bob-token', 'admin-token'].map(async (token) => (await ask('GET', path, { token })).status));

  assert.deepEqual(statuses, [200, 404, 200]);
  assert.deepEqual((await ask('GET', '/books', { token: 'bob-token' })).body.books, []);
});

test('a body of which nobody says what it is, is JSON where that is wanted', async (t) => {
  const { ask, rows } = await startLibrary(t);

  const made = await ask('POST', '/books', { body: JSON.stringify({ book: { title: 'Walden' } }) });
  const [broken, large, other] = [await ask('POST', '/books', { body: '{' }), await ask('POST', '/books', { body: `"${'a'.repeat(20_000_000)}"` }), await ask('POST', '/books', { body: '{}', headers: { 'content-type': 'text/html' } })];

  assert.equal(made.status, 201);
  assert.deepEqual([broken.status, large.status, other.status], [400, 413, 415]);
  assert.deepEqual(await rows(), { books: 1, audits: 1 });
});

test('bad input is refused by name in the shape of the service', async (t) => {
  const { ask, rows } = await startLibrary(t);
  const wrong: [object | string, RegExp][] = [
    [{ book: { title: '' } }, /field\/attribute title/],
    [{ book: { title: 'x', colour: 'red' } }, /'colour' was unexpected/],
    [{ book: {} }, /'title' is a required property/],
    [{ book: { title: 'a\0b' } }, /NUL/],
    [[], /must be object/],
    ['{"book":', /not JSON/],
    [{ book: { title: 7 } }, /must be string/],
    [JSON.stringify({ book: { title: 'x'.repeat(2_000_000) } }), /too large/],
    ['{"book":{"title":"x","__proto__":{"admin":true}}}', /__proto__/],
  ];

  for (const [body, message] of wrong) {
    const { status, body: reply } = await ask('POST', '/books', { body, headers: { 'content-type': 'application/json' } });
    assert.ok(status === 400 || status === 413, `${status}`);
    assert.match(JSON.stringify(reply), message);
  }
  assert.equal((await ask('GET', '/books?limit=many')).status, 400);
  assert.equal((await ask('GET', `/books/${'x'.repeat(300)}`)).status, 404);
  assert.deepEqual(await rows(), { books: 0, audits: 0 });
});

test('an older microversion has neither the newer fields nor the newer behaviour', async (t) => {
  const { ask } = await startLibrary(t);
  const { body } = await ask('POST', '/books', { body: { book: { title: 'Emma', pages: 9 } }, headers: { 'openstack-api-version': 'library 1.3' } });
  const show = (version: string) => ask('GET', `/books/${body.book.id}`, { headers: { 'openstack-api-version': `library ${version}` } });

  const { id } = body.book;
  assert.deepEqual((await show('1.0')).body, { book: { id, title: 'EMMA' } });
  assert.deepEqual((await show('1.2')).body, { book: { id, title: 'EMMA', pages: 9 } });
  assert.deepEqual((await show('latest')).body, { book: { id, title: 'Emma', pages: 9 } });
  assert.equal((await show('latest')).headers['openstack-api-version'], 'library 1.3');
  assert.equal((await show('1.4')).status, 406);
  assert.equal((await show('one')).status, 400);
  assert.equal((await ask('POST', '/books', { body: { book: { title: 'Old', pages: 9 } } })).status, 400);
});

test('a request repeated with its key is done once, and answered the same', async (t) => {
  const { ask, rows } = await startLibrary(t);
  const send = (title: string) => ask('POST', '/books', { body: { book: { title } }, headers: { 'idempotency-key': 'k1' } });

  const [first, second] = await Promise.all([send('Emma'), send('Emma')]);
  const other = await send('Persuasion');

  assert.deepEqual(first.body, second.body);
  assert.equal([first, second].filter(({ headers }) => headers['idempotent-replayed'] === 'true').length, 1);
  assert.equal(other.status, 422);
  assert.deepEqual(await rows(), { books: 1, audits: 1 });
});

test('our own mistake is a 500 that tells nothing but a request id, and is logged with its cause', async (t) => {
  const { ask, lines, rows } = await startLibrary(t);

  const { status, body, headers } = await ask('POST', '/books', { body: { book: { title: 'cursed' } } });

  assert.equal(status, 500);
  const told = JSON.stringify(body);
  assert.ok(!told.includes('abracadabra'));
  assert.ok(told.includes(String(headers['x-openstack-request-id'])));
  assert.ok(lines.some((line) => line.includes('abracadabra') && line.includes(String(headers['x-openstack-request-id']))));
  assert.deepEqual(await rows(), { books: 0, audits: 0 });
});

test('the key of the body picks the action, and each has its own right', async (t) => {
  const { ask } = await startLibrary(t);
  const act = (body: object, token = 'alice-token') => ask('POST', '/books/1/action', { body, token });

  assert.equal((await act({ lend: { to: 'bob' } })).status, 202);
  assert.equal((await act({ burn: null })).status, 403);
  assert.equal((await act({ burn: null }, 'admin-token')).status, 202);
  assert.match((await act({ eat: null })).body['badRequest']!.message, /no such action: eat/);
  assert.equal((await act({ burn: null, lend: { to: 'x' } })).status, 400);
});

test('every reply carries what governance asks for, without breaking a client', async (t) => {
  const { ask, door } = await startLibrary(t);
  const made = await ask('POST', '/books', { body: { book: { title: 'Emma' } } });
  await ask('POST', '/books', { body: { book: { title: 'Dune' } } });

  assert.equal(made.headers['deprecation'], '@1767225600');
  assert.match(String(made.headers['sunset']), /2027/);
  assert.match(String((await ask('GET', '/books?limit=1')).headers['link']), /^<http.*marker=.*>; rel="next"$/);
  const problem = await ask('GET', '/books/none', { headers: { accept: 'application/problem+json' } });
  assert.match(String(problem.headers['content-type']), /problem\+json/);
  assert.equal((problem.body as Record<string, unknown>)['code'], 'library.itemNotFound');
  assert.equal((await ask('GET', '/alice/books')).status, 200);
  assert.equal((await ask('GET', '/bob/books')).status, 400);
  assert.equal((await door.app.inject('/library')).statusCode, 300);
  const unknown = await door.app.inject({ url: '/library/v1/nothing', headers: { 'x-auth-token': 'alice-token' } });
  assert.deepEqual(unknown.json(), { itemNotFound: { code: 404, message: 'The resource could not be found.' } });
});

test('who asks too much is told when to come back', async (t) => {
  const { ask } = await startLibrary(t);

  const answers = await Promise.all(Array.from({ length: 60 }, () => ask('GET', '/books')));

  const refused = answers.filter(({ status }) => status === 429);
  assert.equal(refused.length, 10);
  assert.equal(refused[0]?.headers['retry-after'], '1');
  assert.equal((await ask('GET', '/books', { token: 'bob-token' })).status, 200);
});

test('a list can be watched, and shows only what its reader may see', async (t) => {
  const { ask, door } = await startLibrary(t);
  const address = await door.listen({ host: '127.0.0.1', port: 0 });
  const response = await fetch(`${address}/library/v1/books`, { headers: { 'x-auth-token': 'alice-token', accept: 'text/event-stream', 'openstack-api-version': 'library latest' } });
  const text = linesOf(response);
  assert.equal((await text.next()).value, ': watching');

  await ask('POST', '/books', { token: 'bob-token', body: { book: { title: 'Hidden' } } });
  const { body } = await ask('POST', '/books', { body: { book: { title: 'Emma' } } });

  const seen: string[] = [];
  while (seen.length < 3) seen.push(String((await text.next()).value));
  assert.equal(seen[1], 'event: book.create.end');
  assert.deepEqual(JSON.parse(seen[2]!.slice('data: '.length)), { book: { id: body.book.id, title: 'Emma', pages: 1 } });
  await text.return(undefined);
});

test('draining lets requests under way finish, ends watches, and takes no new ones', async (t) => {
  const { door } = await startLibrary(t);
  const address = await door.listen({ host: '127.0.0.1', port: 0 });
  const headers = { 'x-auth-token': 'alice-token', 'content-type': 'application/json' };
  const watching = await fetch(`${address}/library/v1/books`, { headers: { ...headers, accept: 'text/event-stream' } });
  // Its first bytes have arrived, its last ones have not: it is under way.
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  door.app.server.once('request', () => resolve());
  const slow = new TransformStream<Uint8Array, Uint8Array>();
  const writer = slow.writable.getWriter();
  const under = fetch(`${address}/library/v1/books`, { method: 'POST', headers, body: slow.readable, duplex: 'half' } as RequestInit);
  void writer.write(new TextEncoder().encode('{"book":{"title":'));
  await arrived;

  const drained = door.drain();
  await writer.write(new TextEncoder().encode('"Emma"}}'));
  await writer.close();

  assert.equal((await under).status, 201);
  assert.match(await watching.text(), /^: watching/);
  await drained;
  await assert.rejects(fetch(`${address}/library/v1/books`, { headers }));
});

async function* linesOf(response: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter(Boolean);
  }
}
