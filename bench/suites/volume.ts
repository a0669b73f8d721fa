/** Block storage, as cinder answers it too: what is looked at, and what both keep in their databases alone. */
import { nameOf, noun, pick, type Case, type Ground, type Suite } from '../cases.ts';
import type { Endpoint } from '../endpoint.ts';

/** Cinder changes by PUT. */
const types: Case[] = noun({
  noun: 'volume type',
  path: '/types',
  key: 'volume_type',
  wish: (_, index) => ({ name: nameOf('type', index) }),
  change: (index) => ({ description: `changed ${index}` }),
  list: { of: 'by limit', query: () => '?limit=1' },
}).map((each) => ({
  ...each,
  ask(ground: Ground, index: number) {
    const asked = each.ask(ground, index);
    return asked.method === 'PATCH' ? { ...asked, method: 'PUT' } : asked;
  },
}));

export const volume: Suite = {
  service: 'volume',
  database: 'intercloud_region',
  prepare,
  reads: [],
  fill: [],
  cases: [
    { name: 'volume list, detailed', kind: 'read', ask: () => ({ method: 'GET', path: '/volumes/detail' }) },
    { name: 'volume show', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/volumes/${pick(ground, 'volume')}` }) },
    { name: 'volume quota show', kind: 'read', ask: (ground) => ({ method: 'GET', path: `/os-quota-sets/${pick(ground, 'project')}` }) },
    ...types,
  ],
  clear,
};

async function prepare({ ask, token }: Endpoint): Promise<Ground> {
  const { body } = await ask<{ token: { project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': token });
  const { id } = (await ask<{ volume: { id: string } }>('volume', 'POST', '/volumes', { volume: { name: nameOf('volume', 0), size: 1 } })).body.volume;
  for (const deadline = performance.now() + 120_000; ; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const { status } = (await ask<{ volume: { status: string } }>('volume', 'GET', `/volumes/${id}`)).body.volume;
    if (status === 'available') break;
    if (status === 'error' || performance.now() > deadline) throw new Error(`The volume is ${status}`);
  }
  return { volume: [id], project: [body.token.project.id] };
}

async function clear({ ask }: Endpoint, ground: Ground): Promise<void> {
  await ask('volume', 'DELETE', `/volumes/${pick(ground, 'volume')}`);
}
