/** Our reads beside the least that could answer them, on the same database in the same run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import type { Ground, Suite } from './cases.ts';
import { measureCosts, type Costs } from './cost.ts';
import { send, type Endpoint } from './endpoint.ts';
import type { OwnCloud } from './own-cloud.ts';
import { workedByFamilies } from './processors.ts';

/** The first cost of each is ours. */
export async function measureReads(cloud: OwnCloud, endpoint: Endpoint, suite: Suite, ground: Ground, say: (line: string) => void): Promise<Costs[]> {
  if (suite.reads.length === 0) return [];
  const database = await databaseOf(cloud, suite);
  const child = spawn(process.execPath, [fileURLToPath(new URL('./bare-server.ts', import.meta.url)), suite.service, JSON.stringify(database)], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const [base] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), once(child, 'exit').then(() => Promise.reject(new Error('bare Fastify has ended')))])) as [string];
    const [ours, postgres, own] = [await cloud.worked(), await cloud.workedBy(['postgresql']), workedByFamilies(() => [child.pid!])];
    return await measureCosts([{ endpoint, worked: ours, ground }, { endpoint: bareEndpoint(base), worked: () => postgres() + own(), ground }], { ...suite, cases: suite.reads }, { say });
  } finally {
    child.kill();
  }
}

function bareEndpoint(base: string): Pick<Endpoint, 'ask'> {
  return {
    async ask<T>(_service: string, method: string, path: string) {
      const { status, text, headers } = await send(method, `${base}${path}`, {});
      if (status !== 200) throw new Error(`bare Fastify answered ${status}: ${text}`);
      return { status, headers, body: (text === '' ? undefined : JSON.parse(text)) as T };
    },
  };
}

/** Where the service keeps its things, as who may do everything there. */
export async function databaseOf(cloud: OwnCloud, { database }: Suite): Promise<ReturnType<OwnCloud['database']> & { database: string }> {
  const server = cloud.database();
  const client = new Client({ ...server, database: 'postgres' });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1)', [database]);
    return { ...server, database: rows[0]!.datname };
  } finally {
    await client.end();
  }
}
