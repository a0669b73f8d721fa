/**
 * `npm run bench`: a fresh cloud on simulated hosts: start times, memory, latencies, reads beside bare Fastify, a flood of logins.
 *
 * `npm run bench -- --records 1000000`: with so many records of usage, taken and billed (100,000 without).
 *
 * `npm run bench -- --against`: what each request costs of processors, ours and the cloud of OS_AUTH_URL, OS_USERNAME, … in
 * one run; `--pids` says which processes are that cloud's: ids or folders of files `*.pid`, each the leader of a session.
 *
 * `npm run bench -- --scale`: what each request costs in an empty cloud and in a full one.
 *
 * `--service identity,…` measures only these; `--seconds 0.3` works so long for each case of `--against`; `--only starts,usage,latency,reads,flood,costs` only these parts.
 */
import { parseArgs } from 'node:util';
import { measureReads } from './bare.ts';
import type { Ground } from './cases.ts';
import { measureCosts, type Costs } from './cost.ts';
import { measureDecisions } from './decisions.ts';
import { connectEndpoint, credentialsFrom, type Endpoint } from './endpoint.ts';
import { measureFlood, type Flooded } from './flood.ts';
import { measure, type Measured } from './load.ts';
import { makeOwnCloud, type OwnCloud } from './own-cloud.ts';
import { workedBySessions } from './processors.ts';
import { measureScale } from './scale.ts';
import { suitesOf } from './suites.ts';
import { tableOfCosts, tableOfLatencies, tableOfPromises, tableOfRatios } from './tables.ts';
import { measureUsage, type UsageMeasured } from './usage.ts';
import { measureValidations, type Validations } from './validations.ts';

const parts = ['starts', 'usage', 'latency', 'reads', 'flood', 'costs'] as const;
type Part = (typeof parts)[number];

export type Starts = { coldMs: number; warmMs: number; memory: Record<string, number> };
export type Results = {
  starts?: Starts;
  decisionMs?: number;
  validations?: Validations;
  usage?: UsageMeasured;
  latency?: Measured[];
  reads?: Costs[];
  flood?: Flooded;
  costs?: Costs[];
  scale?: Costs[];
};

const { values } = parseArgs({
  options: {
    against: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    service: { type: 'string' },
    only: { type: 'string' },
    pids: { type: 'string' },
    count: { type: 'string', default: '200' },
    records: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '1' },
    format: { type: 'string', short: 'f', default: 'table' },
  },
});
const suites = suitesOf(values.service);
const say = (line: string) => void process.stderr.write(`… ${line}\n`);
const cloud = await makeOwnCloud();
try {
  tell(await run(cloud, wantedParts()));
} finally {
  await cloud.remove();
}

function wantedParts(): readonly Part[] {
  if (values.only !== undefined) return parts.filter((part) => values.only!.split(',').includes(part));
  if (values.against) return ['costs'];
  return values.scale ? [] : parts.filter((part) => part !== 'costs');
}

async function run(own: OwnCloud, wanted: readonly Part[]): Promise<Results> {
  const results: Results = {};
  const [other, otherWorked] = values.against ? [await connectEndpoint('the other cloud', credentialsFrom(process.env)), workedBySessions(need(values.pids))] : [];
  say('cold start: nothing to the first answer of the API');
  const coldMs = await own.up();
  if (wanted.includes('starts')) results.starts = { coldMs, ...(await startAgain(own)) };
  const ours = await own.connect();
  if (wanted.includes('starts')) [results.decisionMs, results.validations] = [measureDecisions(), measureValidations()];
  if (wanted.includes('latency')) results.latency = await measure(ours, { count: Number(values.count), say });
  if (wanted.includes('usage')) results.usage = await measureUsage(ours, { records: Number(values.records), worked: await own.workedBy(['api', 'postgresql']), say });
  if (wanted.includes('flood')) results.flood = await measureFlood(ours, say);
  for (const suite of suites) {
    const withGround = async (endpoints: readonly Endpoint[], work: (grounds: Ground[]) => Promise<Costs[]>): Promise<Costs[]> => {
      say(`preparing ${suite.service}`);
      const grounds = await Promise.all(endpoints.map((endpoint) => suite.prepare(endpoint)));
      const costs = await work(grounds);
      for (const [index, endpoint] of endpoints.entries()) await suite.clear(endpoint, grounds[index]!);
      return costs;
    };
    if (wanted.includes('reads')) (results.reads ??= []).push(...(await withGround([ours], ([ground]) => measureReads(own, ours, suite, ground!, say))));
    if (wanted.includes('costs')) {
      const worked = await own.worked();
      const endpoints = other ? [ours, other] : [ours];
      const subjectsOf = (grounds: Ground[]) => endpoints.map((endpoint, index) => ({ endpoint, worked: endpoint === other ? otherWorked! : worked, ground: grounds[index]! }));
      (results.costs ??= []).push(...(await withGround(endpoints, (grounds) => measureCosts(subjectsOf(grounds), suite, { say, seconds: Number(values.seconds) }))));
    }
    if (values.scale) (results.scale ??= []).push(...(await measureScale(own, ours, suite, say)));
  }
  return results;
}

async function startAgain(own: OwnCloud): Promise<Omit<Starts, 'coldMs'>> {
  await own.down();
  say('warm start');
  const warmMs = await own.up();
  say('memory, when idle');
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  return { warmMs, memory: await own.memory() };
}

function need(pids: string | undefined): string {
  if (pids === undefined) throw new Error('--pids is missing: the process ids of the other cloud, or the folder of its pid files');
  return pids;
}

function tell(results: Results): void {
  if (values.format === 'json') return void process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  const tables = [tableOfPromises(results)];
  if (results.latency) tables.push(tableOfLatencies(results.latency));
  if (results.reads) tables.push(tableOfRatios(results.reads, { one: 'ours, ms', other: 'bare Fastify, ms', ratio: 'served of what it serves', promised: 'at least 0.5', of: ([ours, bare]) => bare!.milliseconds / ours!.milliseconds, worst: Math.min }));
  if (results.costs) tables.push(results.costs[0]?.costs.length === 2 ? tableOfRatios(results.costs, { one: 'ours, ms', other: 'the other, ms', ratio: 'times cheaper', promised: 'at least 30, in the mean 100', of: ([ours, other]) => other!.milliseconds / ours!.milliseconds, worst: Math.min }) : tableOfCosts(results.costs));
  if (results.scale) tables.push(tableOfRatios(results.scale, { one: 'empty, ms', other: 'full, ms', ratio: 'times dearer', promised: 'at most 2', of: ([empty, full]) => full!.milliseconds / empty!.milliseconds, worst: Math.max }));
  process.stdout.write(`${tables.filter((table) => table !== '').join('\n')}\n`);
}
