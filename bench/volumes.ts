/** What was promised of volumes: many made and deleted, each by a request of its own, over many connections. */
import { setTimeout as pause } from 'node:timers/promises';
import { atOnce, nameOf } from './cases.ts';
import type { Endpoint } from './endpoint.ts';

export type VolumesMeasured = {
  count: number;
  connections: number;
  /** From the first request until the last volume is available, and from then until the last one is gone. */
  madeMs: number;
  goneMs: number;
};

const connections = 16;
const withinMs = 300_000;

export async function measureVolumes({ ask, token }: Endpoint, { count, say }: { count: number; say: (line: string) => void }): Promise<VolumesMeasured> {
  const { body } = await ask<{ token: { project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': token });
  const quota = `/os-quota-sets/${body.token.project.id}`;
  await ask('volume', 'PUT', quota, { quota_set: { volumes: -1, gigabytes: -1 } });
  // What is compiled and prepared once is no volume's cost.
  await all(connections);
  say(`${count} volumes over ${connections} connections`);
  const measured = await all(count);
  await ask('volume', 'DELETE', quota);
  return { count, connections, ...measured };

  async function all(many: number): Promise<{ madeMs: number; goneMs: number }> {
    const ids: string[] = [];
    const madeMs = await timed(async () => {
      await atOnce(many, connections, async (index) => void ids.push((await ask<{ volume: { id: string } }>('volume', 'POST', '/volumes', { volume: { name: nameOf('volume', index), size: 1 } })).body.volume.id));
      await none('creating');
    });
    await demandNone('error');
    const goneMs = await timed(async () => {
      await atOnce(many, connections, (index) => ask('volume', 'DELETE', `/volumes/${ids[index]!}`));
      await none('deleting');
    });
    await demandNone('error_deleting');
    return { madeMs, goneMs };
  }

  async function none(status: string): Promise<void> {
    for (const deadline = performance.now() + withinMs; await some(status); await pause(50)) if (performance.now() > deadline) throw new Error(`A volume is ${status} for ${withinMs / 1000} s`);
  }

  async function demandNone(status: string): Promise<void> {
    if (await some(status)) throw new Error(`A volume is in the state ${status}`);
  }

  async function some(status: string): Promise<boolean> {
    return (await ask<{ volumes: unknown[] }>('volume', 'GET', `/volumes?status=${status}&limit=1`)).body.volumes.length > 0;
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
