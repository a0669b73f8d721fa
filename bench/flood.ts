/** What others feel while somebody tries passwords, sixty-four at a time. */
import { Agent } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { nameOf } from './cases.ts';
import { send, type Endpoint } from './endpoint.ts';

/** Of light reads, one every 10 ms, in turns with and without the flood, so that neighbours on the machine disturb both. */
export type Flooded = { calmMs: number; floodedMs: number; /** How many logins were refused, by status. */ refused: Record<number, number> };

const atOnce = 64;
const rounds = 20;
const roundMs = 1_500;
const everyMs = 10;

export async function measureFlood({ ask, credentials }: Endpoint, say: (line: string) => void): Promise<Flooded> {
  const name = nameOf('flooded', 0);
  const { body } = await ask<{ user: { id: string } }>('identity', 'POST', '/users', { user: { name, password: 'Correct-horse-battery-5' } });
  const refused: Record<number, number> = {};
  const [calm, flooded]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    calm.push(...(await readsFor(roundMs)));
    const flood = new AbortController();
    const flooding = Promise.all(Array.from({ length: atOnce }, () => logInUntil(flood.signal)));
    // Until as many wait as will wait.
    await pause(300);
    flooded.push(...(await readsFor(roundMs)));
    flood.abort();
    await flooding;
    if ((round + 1) % 5 === 0) say(`flood: p99 so far ${p99(calm).toFixed(2)} ms, and with it ${p99(flooded).toFixed(2)} ms`);
  }
  await ask('identity', 'DELETE', `/users/${body.user.id}`);
  return { calmMs: p99(calm), floodedMs: p99(flooded), refused };

  async function readsFor(forMs: number): Promise<number[]> {
    const took: number[] = [];
    const under: Promise<unknown>[] = [];
    const begun = performance.now();
    for (let at = begun; at < begun + forMs; at += everyMs) {
      await pause(Math.max(0, at - performance.now()));
      const start = performance.now();
      under.push(ask('identity', 'GET', `/users/${body.user.id}`).then(() => took.push(performance.now() - start)));
    }
    await Promise.all(under);
    return took;
  }

  async function logInUntil(signal: AbortSignal): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (!signal.aborted) {
      const user = { name, domain: { name: credentials.userDomain }, password: 'wrong' };
      const { status } = await send('POST', `${credentials.authUrl}/v3/auth/tokens`, {}, { auth: { identity: { methods: ['password'], password: { user } } } }, agent);
      refused[status] = (refused[status] ?? 0) + 1;
    }
    agent.destroy();
  }
}

function p99(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * 0.99)]!;
}
