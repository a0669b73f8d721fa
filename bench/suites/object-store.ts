/** The object store through Swift's API, as Swift answers it too: small objects, and what is said of them. */
import { nameOf, pick, type Case, type Ground, type Suite } from '../cases.ts';
import type { Endpoint } from '../endpoint.ts';

const objectBytes = 1024;
/** Asked for JSON, Swift's answer to a HEAD has a body after all, and the next answer begins with it. */
const plain = { accept: 'text/plain' };
const container = (ground: Ground) => `/${pick(ground, 'container')}`;
const object = (ground: Ground, index: number) => `${container(ground)}/${pick(ground, 'object', index)}`;
const known = (ground: Ground) => `${container(ground)}/${pick(ground, 'known object')}`;

const put = (path: string): ReturnType<Case['ask']> => {
  const own = nameOf('bytes', 0);
  // As JSON it has two marks more; no two objects have the same bytes.
  return { method: 'PUT', path, body: own + 'x'.repeat(objectBytes - 2 - own.length), headers: { 'content-type': 'application/octet-stream' } };
};

export const objectStore: Suite = {
  service: 'object-store',
  database: 'intercloud_region',
  prepare,
  cases: [
    { name: 'object create, 1 KiB', kind: 'write', ask: (ground) => put(`${container(ground)}/${nameOf('object', 0)}`), makes: { noun: 'object', idOf: (_, path) => path.split('/').at(-1)! } },
    { name: 'object read, 1 KiB', kind: 'read', ask: (ground, index) => ({ method: 'GET', path: object(ground, index) }) },
    { name: 'object show', kind: 'read', ask: (ground, index) => ({ method: 'HEAD', path: object(ground, index) }) },
    { name: 'object list, 100', kind: 'read', ask: (ground) => ({ method: 'GET', path: `${container(ground)}?limit=100` }) },
    { name: 'object replace, 1 KiB', kind: 'write', each: 'object', ask: (ground, index) => put(object(ground, index)) },
    { name: 'object update', kind: 'write', each: 'object', ask: (ground, index) => ({ method: 'POST', path: object(ground, index), headers: { 'x-object-meta-changed': String(index) } }) },
    { name: 'object delete', kind: 'write', takes: 'object', ask: (ground, index) => ({ method: 'DELETE', path: object(ground, index) }) },
    { name: 'container create', kind: 'write', ask: () => ({ method: 'PUT', path: `/${nameOf('container', 0)}` }), makes: { noun: 'more', idOf: (_, path) => path.slice(1) } },
    { name: 'container show', kind: 'read', ask: (ground, index) => ({ method: 'HEAD', path: `/${pick(ground, 'more', index)}`, headers: plain }) },
    { name: 'container list, 100', kind: 'read', ask: () => ({ method: 'GET', path: '?limit=100' }) },
    { name: 'container update', kind: 'write', each: 'more', ask: (ground, index) => ({ method: 'POST', path: `/${pick(ground, 'more', index)}`, headers: { 'x-container-meta-changed': String(index) } }) },
    { name: 'container delete', kind: 'write', takes: 'more', ask: (ground, index) => ({ method: 'DELETE', path: `/${pick(ground, 'more', index)}` }) },
    { name: 'account show', kind: 'read', ask: () => ({ method: 'HEAD', path: '', headers: plain }) },
  ],
  reads: [
    {
      name: 'object show',
      kind: 'read',
      ask: (ground) => ({ method: 'HEAD', path: known(ground) }),
      bare: {
        path: '/:container/:object',
        query: `select o.* from object_store.container c join object_store.object o on o.container_id = c.id
          where c.name = split_part($1, '/', 1) and o.name = split_part($1, '/', 2) and o.is_latest`,
        parameter: ({ params }) => `${params['container']}/${params['object']}`,
      },
    },
  ],
  // 10,000 projects with a container of ten objects of the same bytes each, counted as they are.
  fill: [
    `set session_replication_role = replica`,
    `insert into object_store.account (project_id, created_at, updated_at, containers, objects, bytes) select 'filled' || p, now(), now(), 1, 10, 10240 from generate_series(1, 10000) p`,
    `insert into object_store.container (project_id, name, created_at, updated_at, objects, bytes) select 'filled' || p, 'filled', now(), now(), 10, 10240 from generate_series(1, 10000) p`,
    `insert into object_store.blob (project_id, sha256, md5, size_bytes, file, sums, stored_at, scrubbed_at)
      select 'filled' || p, repeat('0', 64), repeat('0', 32), 1024, md5(p::text), '\\x00000000', now(), now() from generate_series(1, 10000) p`,
    `insert into object_store.object (project_id, container_id, name, version, is_latest, kind, sha256, size_bytes, used_bytes, etag, content_type, written_at)
      select c.project_id, c.id, 'filled ' || n, 'null', true, 'plain', repeat('0', 64), 1024, 1024, repeat('0', 32), 'text/plain', now()
      from object_store.container c, generate_series(1, 10) n where c.name = 'filled'`,
    `set session_replication_role = default`,
  ],
  clear,
};

async function prepare({ ask }: Endpoint): Promise<Ground> {
  const ground = { container: [nameOf('container', 0)], 'known object': [nameOf('object', 0)] };
  await ask('object-store', 'PUT', container(ground));
  const { method, path, body, headers } = put(known(ground));
  await ask('object-store', method, path, body, headers);
  return ground;
}

async function clear({ ask }: Endpoint, ground: Ground): Promise<void> {
  await ask('object-store', 'DELETE', known(ground));
  await ask('object-store', 'DELETE', container(ground));
}
