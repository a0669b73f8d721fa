/** Every case in an empty cloud and in one that holds as much as a large one. */
import { Client } from 'pg';
import { databaseOf } from './bare.ts';
import type { Suite } from './cases.ts';
import { measureCosts, type Costs } from './cost.ts';
import type { Endpoint } from './endpoint.ts';
import type { OwnCloud } from './own-cloud.ts';

/** The first cost of each is that in the empty cloud. */
export async function measureScale(cloud: OwnCloud, endpoint: Endpoint, suite: Suite, say: (line: string) => void): Promise<Costs[]> {
  if (suite.fill.length === 0) return [];
  const worked = await cloud.worked();
  const measure = async (seconds: number, mark: string) => {
    const ground = await suite.prepare(endpoint);
    const costs = await measureCosts([{ endpoint, worked, ground }], suite, { say: (line) => say(`${mark}: ${line}`), seconds });
    await suite.clear(endpoint, ground);
    return costs;
  };
  // What is compiled once must not count for the first of the two.
  await measure(0.1, 'warming');
  const empty = await measure(0.5, 'empty');
  say(`filling ${suite.service}`);
  await fill(cloud, suite);
  const full = await measure(0.5, 'full');
  return empty.map((each, index) => ({ ...each, costs: [each.costs[0]!, full[index]!.costs[0]!] }));
}

async function fill(cloud: OwnCloud, suite: Suite): Promise<void> {
  const client = new Client(await databaseOf(cloud, suite));
  await client.connect();
  try {
    for (const statement of suite.fill) await client.query(statement);
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}
