/** Rooms import only as the tree in README.md says (docs/decisions/0001). */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { homeSchemas, regionSchemas } from '../services/services.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Who may import whom, besides itself. `*` is everyone: the wiring and the tests. */
const rooms: Record<string, (to: string, from: string) => boolean> = {
  contract: () => false,
  kit: (to) => to === 'contract/contract.ts',
  drivers: (to) => /^(contract|kit)\//.test(to),
  agent: (to) => /^kit\//.test(to) || to === 'drivers/driver.ts',
  services: (to) => /^(contract|kit)\//.test(to) || to === 'drivers/driver.ts',
  supervisor: (to) => /^kit\//.test(to),
  cli: (to) => /^(contract|supervisor)\//.test(to),
  bench: (to) => /^(contract|kit|supervisor)\//.test(to) || /^(cloud|test\/)/.test(to),
  guest: () => false,
  test: () => true,
  'main.ts': () => true,
  'cloud.ts': () => true,
  'engine-room.ts': () => true,
};

/** Services in order: one may import the rules of those before it. */
const serviceOrder = ['parts.ts', 'quota', 'identity', 'placement', 'image', 'volume', 'network', 'compute', 'services.ts'];

const isTest = (path: string) => /\.(test|suite|fixture)\.ts$|\/testing\.ts$/.test(path);

test('every room imports only from the rooms that it may know', () => {
  const imports = findImports();
  const wrong = imports.filter(({ from, to }) => {
    if (isTest(from)) return false;
    const room = roomOf(from);
    if (room === roomOf(to)) return room === 'services' && !serviceMayImport(from, to);
    if (room === 'drivers' || roomOf(to) === 'drivers') return !(rooms[room]?.(to, from) ?? false);
    return !(rooms[room]?.(to, from) ?? false);
  });

  assert.ok(imports.length > 200, `only ${imports.length} imports were seen: the checker is blind`);
  assert.deepEqual(wrong.map(({ from, to }) => `${from} must not import ${to}`), []);
});

test('a driver knows no other driver', () => {
  const wrong = findImports().filter(({ from, to }) => {
    const driver = (path: string) => /^drivers\/([\w-]+)\//.exec(path)?.[1];
    return !isTest(from) && driver(from) !== undefined && driver(to) !== undefined && driver(from) !== driver(to);
  });

  assert.deepEqual(wrong, []);
});

test('only the roles that act for everybody open a transaction across projects', () => {
  const wrong = sources()
    .filter((path) => path.startsWith('services/') && !isTest(path) && /\.(api|store)\.ts$/.test(path))
    .filter((path) => /kind: 'system'/.test(readFileSync(join(root, path), 'utf8')));

  assert.deepEqual(wrong, []);
});

test('only a store, its migrations and its invariants name a table', () => {
  const sql = new RegExp(`\\b(insert into|delete from|update \\w+\\.\\w+ set|from (${serviceOrder.join('|')})\\.\\w+)`);
  const wrong = sources()
    .filter((path) => /^services\/.+\.(api|workflow)\.ts$/.test(path))
    .filter((path) => sql.test(readFileSync(join(root, path), 'utf8')));

  assert.deepEqual(wrong, []);
});

test('every service whose folder has a schema is migrated, and stands in the order', () => {
  const folders = readdirSync(join(root, 'services'), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const withSchema = folders.filter((name) => existsSync(join(root, 'services', name, 'schema')));

  assert.deepEqual([...homeSchemas, ...regionSchemas].map(({ service }) => service).sort(), withSchema.sort());
  assert.deepEqual(folders.filter((name) => !serviceOrder.includes(name)), [], 'not in serviceOrder above');
});

function serviceMayImport(from: string, to: string): boolean {
  const [one, other] = [serviceOf(from), serviceOf(to)];
  // `services.ts` makes them all, and `parts.ts` names what they are handed.
  if (one === other || one === 'services.ts' || one === 'parts.ts') return true;
  const before = serviceOrder.indexOf(other) < serviceOrder.indexOf(one) && serviceOrder.includes(other);
  // Others see plain nouns (`ports.ts`), never a noun's role (`ports.store.ts`).
  return before && /\/[\w-]+\.ts$/.test(to);
}

function serviceOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function findImports(): { from: string; to: string }[] {
  return sources().flatMap((from) =>
    [...readFileSync(join(root, from), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier]) => ({ from, to: normalize(join(dirname(from), specifier ?? '')) })),
  );
}

function sources(): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith('node_modules/'));
}
