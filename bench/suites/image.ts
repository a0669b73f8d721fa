/** Images, as glance answers it too; without their bytes. */
import { nameOf, pick, type Ground, type Suite } from '../cases.ts';
import type { Endpoint } from '../endpoint.ts';

export const image: Suite = {
  service: 'image',
  database: 'intercloud_region',
  prepare,
  reads: [],
  fill: [],
  cases: [
    { name: 'image list, active', kind: 'read', ask: () => ({ method: 'GET', path: '/images?status=active' }) },
    { name: 'image list, by name', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/images?name=${pick(ground, 'known name')}` }) },
    { name: 'image show', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/images/${pick(ground, 'known')}` }) },
    { name: 'image create', kind: 'write', ask: (_, index) => ({ method: 'POST', path: '/images', body: { name: nameOf('image', index), disk_format: 'raw', container_format: 'bare' } }), makes: { noun: 'image', idOf: ({ body }) => (body as { id: string }).id } },
    { name: 'image delete', kind: 'write', takes: 'image', ask: (ground, index) => ({ method: 'DELETE', path: `/images/${pick(ground, 'image', index)}` }) },
  ],
  clear,
};

async function prepare({ ask }: Endpoint): Promise<Ground> {
  const name = nameOf('known', 0);
  const { id } = (await ask<{ id: string }>('image', 'POST', '/images', { name, disk_format: 'raw', container_format: 'bare' })).body;
  return { known: [id], 'known name': [name] };
}

async function clear({ ask }: Endpoint, ground: Ground): Promise<void> {
  await ask('image', 'DELETE', `/images/${pick(ground, 'known')}`);
}
