/** Rooms import only as the tree in README.md says (docs/decisions/0001). */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import type { VettedImage } from '../drivers/driver.ts';
import type { Transaction } from '../kit/postgres/database.ts';
import { testDatabase } from '../kit/postgres/testing.ts';
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
  // A machine that becomes a host speaks to the gate before there is an agent on it.
  cli: (to) => /^(contract|supervisor)\//.test(to) || to === 'guest/build.ts' || to === 'agent/joining.ts',
  bench: (to) => /^(contract|kit|supervisor|services|agent|drivers\/simulated)\//.test(to) || /^(cloud|test\/)/.test(to),
  guest: () => false,
  test: () => true,
  'main.ts': () => true,
  'cloud.ts': () => true,
  'engine-room.ts': () => true,
  'host-room.ts': () => true,
};

/** Services in order: one may import the rules of those before it. */
const serviceOrder = ['parts.ts', 'quota', 'identity', 'home-link', 'federation', 'meter', 'metering', 'billing', 'brand', 'admission', 'broker', 'placement', 'object-store', 's3', 'image', 'volume', 'network', 'compute', 'region', 'services.ts'];

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

test('no bytes reach an engine that the intake, or the passage between hosts, has not vetted (ATTACKS 7)', () => {
  const plain = { imageId: '', sha256: '', format: 'raw' as const, sizeBytes: 0, virtualSizeBytes: 0 };
  // @ts-expect-error What nobody has vetted is no image for a driver.
  const image: VettedImage = plain;
  assert.ok(image);

  const makers = sources().filter((path) => !/\.(test|suite|fixtures?)\.ts$/.test(path) && /\bas (unknown as )?VettedImage\b/.test(readFileSync(join(root, path), 'utf8')));
  assert.deepEqual(makers.toSorted(), ['agent/passage.ts', 'services/image/intake/intake.ts']);
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

/**
 * Who finds time or chance for themselves, and why that keeps no run from being replayed. What supervises real processes
 * (supervisor/, cli/, main.ts, engine-room.ts) is not asked: a simulation begins at cloud.ts.
 */
const ownTimeOrChance: Record<string, string> = {
  'kit/authority.ts': 'keys of certificates come from the randomness of OpenSSL only',
  'kit/clock.ts': 'it is what is handed in',
  'kit/log.ts': 'a line of the log says when it was written; nobody reads it back',
  'kit/postgres/migrate.ts': 'an operator reads when a schema was changed; nothing else does',
  'kit/workflow/store.ts': 'leases are in the time of the database: owners on several machines need not agree about theirs',
  'services/compute/certificates.ts': 'OpenSSL makes a private RSA key from its own randomness only',
  'services/compute/ssh-keys.ts': 'OpenSSL makes a private RSA key from its own randomness only',
  'agent/host.ts': 'a deadline that another process of the same machine set',
  'agent/remote.ts': 'the deadline of a call between two processes, and its number in their logs',
  'drivers/libvirt-ovn/metadata/documents.ts': "what a guest's kernel draws from must never come again",
  'drivers/libvirt-ovn/ovsdb.ts': 'the pause before it connects anew',
  'drivers/libvirt-ovn/hosts.ts': 'since when this machine has been running, which it tells as a length of time',
  'drivers/libvirt-ovn/disk-secrets.ts': 'a key for once, which nobody is to find again',
  'drivers/libvirt-ovn/disks.ts': 'names of files that are renamed when they are whole',
  'drivers/libvirt-ovn/libvirt-daemon.ts': 'the identity of a daemon on this machine',
  'drivers/libvirt-ovn/records.ts': 'compared with the times of the file system',
};

test('time and chance are handed in, or found by those only who say why', () => {
  const asked = sources().filter((path) => /^((contract|kit|services|drivers|agent)\/|cloud\.ts$)/.test(path) && !isTest(path) && !/\.(fixtures|child)\.ts$/.test(path));
  const found = asked.filter((path) => timeOrChanceIn(path, readFileSync(join(root, path), 'utf8')));

  assert.ok(asked.length > 200, `only ${asked.length} files were seen: the checker is blind`);
  assert.deepEqual(found.sort(), Object.keys(ownTimeOrChance).sort());
  for (const violation of ['const id = randomUUID();', 'Math.random() < 0.5', 'at: Date.now()', 'const now = new Date();', 'tx.run`insert into x values (gen_random_uuid())`', 'sql`at < now()`', 'sql`floor(random() * 256)`'])
    assert.ok(timeOrChanceIn('services/x/x.ts', violation), violation);
  assert.ok(!timeOrChanceIn('services/x/x.ts', 'const [now, id] = [clock.now(), random.uuid()]; new Date(now.getTime())'));
});

/** Columns and functions of the databases that find time for themselves, and why they may. */
const ownTimeInDatabases: Record<string, string> = {
  'kit.migration.ran_at': 'an operator reads when a schema was changed; nothing else does',
  'identity.revoke_deleted()': 'a row that goes with another one is deleted by no statement that could be handed a time',
};

test('no column and no function of the databases, as all migrations leave them, makes an id or a time of its own', async (t) => {
  const excused = new Set<string>();
  for (const migrations of [homeSchemas, regionSchemas]) {
    const { database } = await testDatabase(t, { migrations });
    const all = await database.transaction(looking, definitionsIn);
    const found = (definitions: typeof all) => definitions.filter(({ text }) => timeOrChanceInSql.test(text)).map(({ name }) => name);
    const unexcused = (definitions: typeof all) => found(definitions).filter((name) => !(name in ownTimeInDatabases));
    for (const name of found(all)) excused.add(name);

    assert.ok(all.length > 10, `only ${all.length} defaults and functions were seen: the checker is blind`);
    assert.deepEqual(unexcused(all), []);
    await database.transaction(looking, async (tx) => {
      await tx.run`create table kit.violation (id uuid default gen_random_uuid(), at timestamptz default now())`;
      await tx.run`create function kit.violate() returns double precision language sql as 'select random()'`;
    });
    assert.deepEqual(unexcused(await database.transaction(looking, definitionsIn)), ['kit.violate()', 'kit.violation.at', 'kit.violation.id']);
  }
  assert.deepEqual([...excused].sort(), Object.keys(ownTimeInDatabases).sort());
});

const looking = { kind: 'system', reason: 'the test looks at everything' } as const;

function definitionsIn(tx: Transaction): Promise<{ name: string; text: string }[]> {
  return tx.rows<{ name: string; text: string }>`
    select * from (
      select format('%s.%s.%s', n.nspname, c.relname, a.attname) as name, pg_get_expr(d.adbin, d.adrelid) as text
      from pg_attrdef d join pg_class c on c.oid = d.adrelid join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
      union all
      select format('%s.%s()', n.nspname, p.proname), coalesce(nullif(p.prosrc, ''), pg_get_functiondef(p.oid)) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prokind <> 'a'
    ) each where name not like 'pg\_%' and name not like 'information\_schema.%' order by name`;
}

const timeOrChanceInSql = /\b(gen_random_uuid|uuidv[47]|(clock|statement|transaction)_timestamp|timeofday|current_(timestamp|date|time)|localtime(stamp)?)\b|(?<![.#\w])(now|random)\(\)/i;
const timeOrChance = /\b(random(UUID|Bytes|Int|Fill\w*)|getRandomValues|Math\.random|generateKey(Pair)?(Sync)?|Date\.now|new Date\(\))/;

function timeOrChanceIn(path: string, text: string): boolean {
  // Only these two have statements; elsewhere a function may be called `now`.
  return timeOrChance.test(text) || (/^(kit|services)\//.test(path) && timeOrChanceInSql.test(text));
}

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
