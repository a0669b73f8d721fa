/** Large objects beside nginx with the same bytes, and the first page of a list that is very long. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { databaseOf } from './bare.ts';
import { nameOf } from './cases.ts';
import type { Endpoint } from './endpoint.ts';
import type { OwnCloud } from './own-cloud.ts';
import { freePort } from '../supervisor/free-port.ts';
import { objectStore } from './suites/object-store.ts';

/** One after another, in turns, so that neighbours on the machine disturb both; the fastest is the one that they disturbed least. */
export type Took = { medianMs: number; fastestMs: number };
export type Transfers = { mebibytes: number; ours: Record<'get' | 'put', Took>; nginx: Record<'get' | 'put', Took> };
export type Pages = { objects: number; pages: ({ name: string } & Took)[] };

const mebibytes = 64;
const rounds = 15;
const pagesAsked = 30;
const program = '/usr/sbin/nginx';

export async function measureTransfers({ ask, token, urlOf }: Endpoint, say: (line: string) => void): Promise<Transfers> {
  if (!existsSync(program)) throw new Error(`There is no ${program} to compare with: apt-get install --no-install-recommends nginx-light`);
  const agent = new Agent({ keepAlive: true });
  const bytes = randomBytes(mebibytes * 2 ** 20);
  const container = nameOf('container', 0);
  await ask('object-store', 'PUT', `/${container}`);
  const nginx = await startNginx();
  const [ours, theirs] = [`${urlOf('object-store')}/${container}`, `${nginx.base}/files`];
  const took: Record<'oursGet' | 'nginxGet' | 'oursPut' | 'nginxPut', number[]> = { oursGet: [], nginxGet: [], oursPut: [], nginxPut: [] };
  try {
    for (let round = 0; round < rounds; round++) {
      // Bytes that are there already would be written once more, and thrown away.
      bytes.writeUInt32LE(round, 0);
      took.oursPut.push(await transfer(agent, 'PUT', `${ours}/large`, { 'x-auth-token': token }, bytes));
      took.nginxPut.push(await transfer(agent, 'PUT', `${theirs}/large`, {}, bytes));
      took.oursGet.push(await transfer(agent, 'GET', `${ours}/large`, { 'x-auth-token': token }));
      took.nginxGet.push(await transfer(agent, 'GET', `${theirs}/large`, {}));
      if (round % 5 === 4) say(`${mebibytes} MiB, so far: ${Object.entries(took).map(([name, each]) => `${name} ${of(each).medianMs.toFixed(0)} ms`).join(', ')}`);
    }
  } finally {
    agent.destroy();
    await nginx.stop();
  }
  await ask('object-store', 'DELETE', `/${container}/large`);
  await ask('object-store', 'DELETE', `/${container}`);
  return { mebibytes, ours: { get: of(took.oursGet), put: of(took.oursPut) }, nginx: { get: of(took.nginxGet), put: of(took.nginxPut) } };
}

export async function measurePages(cloud: OwnCloud, { ask }: Endpoint, { objects, say }: { objects: number; say: (line: string) => void }): Promise<Pages> {
  const container = nameOf('container', 0);
  await ask('object-store', 'PUT', `/${container}`);
  say(`filling a container with ${objects} objects`);
  const client = new Client(await databaseOf(cloud, objectStore));
  await client.connect();
  try {
    await client.query('set session_replication_role = replica');
    await client.query("set synchronous_commit = off");
    const most = 500_000;
    for (let from = 0; from < objects; from += most) {
      await client.query(
        `insert into object_store.object (project_id, container_id, name, version, is_latest, kind, sha256, size_bytes, used_bytes, etag, content_type, written_at)
          select c.project_id, c.id, 'folder-' || lpad((n / 1000)::text, 6, '0') || '/object-' || lpad(n::text, 9, '0'), 'null', true, 'plain', repeat('0', 64), 1024, 1024, md5(n::text), 'text/plain', now()
          from object_store.container c, generate_series($2::bigint, $3::bigint) n where c.name = $1`,
        [container, from, Math.min(from + most, objects) - 1],
      );
      say(`${Math.min(from + most, objects)} objects`);
    }
    await client.query('update object_store.container set objects = $2, bytes = $2 * 1024::bigint where name = $1', [container, objects]);
    await client.query('vacuum analyze object_store.object');
  } finally {
    await client.end();
  }
  const kinds: [string, string][] = [
    ['of 100', 'limit=100'],
    ['of 1,000, as S3 shows by default', 'limit=1000'],
    ['of 10,000, as Swift shows by default', ''],
    ['of 100 after the middle', `limit=100&marker=folder-${String(Math.floor(objects / 2000)).padStart(6, '0')}`],
    ['of 100 folders', 'limit=100&delimiter=/'],
  ];
  const pages: Pages['pages'] = [];
  for (const [name, query] of kinds) {
    const took: number[] = [];
    for (let each = -5; each < pagesAsked; each++) {
      const begun = performance.now();
      await ask('object-store', 'GET', `/${container}?${query}`);
      if (each >= 0) took.push(performance.now() - begun);
    }
    pages.push({ name, ...of(took) });
    say(`a page ${name}: ${of(took).medianMs.toFixed(1)} ms`);
  }
  return { objects, pages };
}

/** Until the last byte is there. */
function transfer(agent: Agent, method: string, url: string, headers: Record<string, string>, bytes?: Buffer): Promise<number> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, agent, headers: { ...headers, ...(bytes ? { 'content-length': String(bytes.length), 'content-type': 'application/octet-stream' } : {}) } }, (reply) => {
      let received = 0;
      reply.on('data', (chunk: Buffer) => (received += chunk.length));
      reply.on('error', reject);
      reply.on('end', () => {
        const isRight = (reply.statusCode ?? 0) < 300 && (method !== 'GET' || received === mebibytes * 2 ** 20);
        if (isRight) resolve(performance.now() - begun);
        else reject(new Error(`${method} ${url} answered ${reply.statusCode}, and ${received} bytes`));
      });
    });
    asked.on('error', reject);
    asked.end(bytes);
  });
}

async function startNginx(): Promise<{ base: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'));
  const port = await freePort();
  for (const each of ['files', 'incoming']) mkdirSync(join(folder, each));
  const asRoot = process.getuid?.() === 0 ? 'user root;\n' : '';
  const config = `${asRoot}daemon off;\nworker_processes auto;\npid ${folder}/nginx.pid;\nerror_log ${folder}/error.log;\nevents {}\nhttp {\n  access_log off;\n  sendfile on;\n  client_max_body_size 0;\n  client_body_temp_path ${folder}/incoming;\n  server {\n    listen 127.0.0.1:${port};\n    root ${folder};\n    location /files/ { dav_methods PUT; }\n  }\n}\n`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const child = spawn(program, ['-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const base = `http://127.0.0.1:${port}`;
  for (const deadline = performance.now() + 10_000; ; ) {
    try {
      await fetch(base);
      break;
    } catch (cause) {
      if (performance.now() > deadline || child.exitCode !== null) throw new Error('nginx does not answer', { cause });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  return {
    base,
    async stop() {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function of(values: readonly number[]): Took {
  const sorted = values.toSorted((one, other) => one - other);
  return { medianMs: sorted[Math.floor(sorted.length / 2)]!, fastestMs: sorted[0]! };
}
