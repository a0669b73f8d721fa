/** What a cloud's processes work for each request: the measure that neighbours on the machine disturb least. */
import { setTimeout as pause } from 'node:timers/promises';
import { atOnce, type Case, type Ground, type Suite } from './cases.ts';
import type { Endpoint } from './endpoint.ts';
import type { Worked } from './processors.ts';

/** A cloud, with what there is in it before the cases. */
export type Subject = { endpoint: Pick<Endpoint, 'ask'>; worked: Worked; ground: Ground };

export type Cost = { requests: number; /** Of all processors, for one request. */ milliseconds: number };
export type Costs = Pick<Case, 'name' | 'kind' | 'isSlowByDesign'> & { /** One for each subject. */ costs: Cost[] };

export type CostOptions = {
  say(line: string): void;
  /** A case ends when it has been worked so long for it, or asked so often. */
  seconds?: number;
  most?: number;
};

const concurrency = 8;
const mostToWarm = 200;
// Below what one caller may ask of a cloud.
const mostPerSecond = 1_500;

/** Case by case, one cloud right after the other, so that what else happens on the machine happens to both. */
export async function measureCosts(subjects: readonly Subject[], suite: Suite, { say, ...options }: CostOptions): Promise<Costs[]> {
  const all: Costs[] = [];
  for (const each of suite.cases) {
    const costs: Cost[] = [];
    for (const subject of subjects) costs.push(await measureCase(subject, suite.service, each, options));
    all.push({ name: each.name, kind: each.kind, ...(each.isSlowByDesign ? { isSlowByDesign: true } : {}), costs });
    say(`${each.name}: ${costs.map(({ milliseconds, requests }) => `${milliseconds.toFixed(3)} ms (${requests})`).join(', ')}`);
  }
  return all;
}

async function measureCase({ endpoint, worked, ground }: Subject, service: string, { ask, makes, each, takes }: Case, { seconds = 1, most = 4_000 }: Omit<CostOptions, 'say'>): Promise<Cost> {
  let asked = 0;
  const some = async (times: number) => {
    const begun = performance.now();
    const first = asked;
    asked += times;
    await atOnce(times, concurrency, async (index) => {
      const { method, path, body, headers } = ask(ground, first + index);
      const reply = await endpoint.ask(service, method, path, body, headers);
      if (makes) (ground[makes.noun] ??= []).push(makes.idOf(reply, path));
    });
    await pause(Math.max(0, (times / mostPerSecond) * 1_000 - (performance.now() - begun)));
  };
  const list = each ?? takes;
  const all = list === undefined ? most : ground[list]!.length;
  // The first requests of their kind also pay for what is compiled and prepared once.
  const begun = worked();
  while (asked < Math.min(mostToWarm, all / 4) && worked() - begun < seconds / 4) await some(Math.min(16, all - asked));
  const [before, warmed] = [worked(), asked];
  for (let times = 16; asked < all && (list !== undefined || worked() - before < seconds); times = Math.min(times * 2, 256)) await some(Math.min(times, all - asked));
  const spent = worked() - before;
  if (takes !== undefined) ground[takes] = [];
  return { requests: asked - warmed, milliseconds: (spent / (asked - warmed)) * 1_000 };
}
