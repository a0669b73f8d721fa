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
 * `npm run bench -- --only fleet --servers 10000 --hosts 1000`: so many servers on so many simulated hosts, in a cloud of their own; without `--servers`, a hundred.
 *
 * `-- --only agents --agents 1000`: so many agents joined to one region: what they cost when idle, and how soon all are back after a restart of all.
 *
 * `-- --only bytes --mib 10240`: an image of so many MiB, uploaded, staged and imported.
 *
 * `--service identity,…` measures only these; `--seconds 0.3` works so long for each case of `--against`; `--only starts,placements,fleet,agents,usage,latency,reads,flood,ports,volumes,bytes,transfers,pages,costs` only these parts.
 *
 * `npm run bench -- --only transfers`: objects of 64 MiB, here and at nginx; `--only pages --objects 10000000`: pages of a container of so many (100,000 without).
 */
import { parseArgs } from 'node:util';
import { measureAgents, type Agents } from './agents.ts';
import { measureReads } from './bare.ts';
import type { Ground } from './cases.ts';
import { measureCosts, type Costs } from './cost.ts';
import { measureDecisions } from './decisions.ts';
import { connectEndpoint, credentialsFrom, type Endpoint } from './endpoint.ts';
import { measureFleet, type Fleet } from './fleet.ts';
import { measureFlood, type Flooded } from './flood.ts';
import { measureImageBytes, type ImageBytes } from './image-bytes.ts';
import { measure, type Measured } from './load.ts';
import { makeOwnCloud, type OwnCloud } from './own-cloud.ts';
import { measurePages, measureTransfers, type Pages, type Transfers } from './objects.ts';
import { measurePlacements, type Placements } from './placements.ts';
import { measurePorts, type PortsMeasured } from './ports.ts';
import { workedBySessions } from './processors.ts';
import { measureMeter, type MeterMeasured } from './metering.ts';
import { measureScale } from './scale.ts';
import { suitesOf } from './suites.ts';
import { tableOfCosts, tableOfLatencies, tableOfPromises, tableOfRatios } from './tables.ts';
import { measureUsage, type UsageMeasured } from './usage.ts';
import { measureValidations, type Validations } from './validations.ts';
import { measureVolumes, type VolumesMeasured } from './volumes.ts';

const parts = ['starts', 'placements', 'fleet', 'agents', 'usage', 'latency', 'reads', 'flood', 'ports', 'volumes', 'bytes', 'transfers', 'pages', 'costs'] as const;
type Part = (typeof parts)[number];

export type Starts = { coldMs: number; warmMs: number; memory: Record<string, number> };
export type Results = {
  starts?: Starts;
  decisionMs?: number;
  placements?: Placements[];
  fleet?: Fleet;
  agents?: Agents;
  validations?: Validations;
  usage?: UsageMeasured;
  meter?: MeterMeasured;
  latency?: Measured[];
  reads?: Costs[];
  flood?: Flooded;
  ports?: PortsMeasured;
  volumes?: VolumesMeasured;
  bytes?: ImageBytes[];
  transfers?: Transfers;
  pages?: Pages;
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
    servers: { type: 'string', default: '100' },
    hosts: { type: 'string', default: '100' },
    agents: { type: 'string', default: '1000' },
    idle: { type: 'string', default: '60' },
    records: { type: 'string', default: '100000' },
    ports: { type: 'string', default: '10000' },
    objects: { type: 'string', default: '100000' },
    volumes: { type: 'string', default: '1000' },
    mib: { type: 'string', default: '2048' },
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
  // What needs another program, the other cloud, or minutes, is measured where it is asked for.
  return values.scale ? [] : parts.filter((part) => part !== 'costs' && part !== 'transfers' && part !== 'agents');
}

async function run(own: OwnCloud, wanted: readonly Part[]): Promise<Results> {
  const results: Results = {};
  if (wanted.includes('placements')) results.placements = [10_000, 100_000].map(measurePlacements);
  if (wanted.includes('fleet')) results.fleet = await measureFleet({ servers: Number(values.servers), hosts: Number(values.hosts), say });
  if (wanted.includes('agents')) results.agents = await measureAgents({ agents: Number(values.agents), idleSeconds: Number(values.idle), say });
  // Those have what they need themselves.
  if (wanted.length > 0 && wanted.every((part) => part === 'placements' || part === 'fleet' || part === 'agents')) return results;
  const [other, otherWorked] = values.against ? [await connectEndpoint('the other cloud', credentialsFrom(process.env)), workedBySessions(need(values.pids))] : [];
  say('cold start: nothing to the first answer of the API');
  const coldMs = await own.up();
  if (wanted.includes('starts')) results.starts = { coldMs, ...(await startAgain(own)) };
  const ours = await own.connect();
  if (wanted.includes('starts')) [results.decisionMs, results.validations] = [measureDecisions(), measureValidations()];
  if (wanted.includes('latency')) results.latency = await measure(ours, { count: Number(values.count), say });
  if (wanted.includes('usage')) results.usage = await measureUsage(ours, { records: Number(values.records), worked: await own.workedBy(['api', 'postgresql']), say });
  if (wanted.includes('usage')) results.meter = await measureMeter(own.database(), { events: Number(values.records), postgres: await own.workedBy(['postgresql']), say });
  if (wanted.includes('flood')) results.flood = await measureFlood(ours, say);
  if (wanted.includes('ports')) results.ports = await measurePorts(ours, { count: Number(values.ports), say });
  if (wanted.includes('volumes')) results.volumes = await measureVolumes(ours, { count: Number(values.volumes), say });
  if (wanted.includes('bytes')) results.bytes = await measureImageBytes(own, ours, { wanted: Number(values.mib), say });
  if (wanted.includes('transfers')) results.transfers = await measureTransfers(ours, say);
  if (wanted.includes('pages')) results.pages = await measurePages(own, ours, { objects: Number(values.objects), say });
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
  if (results.costs) tables.push(results.costs[0]?.costs.length === 2 ? tableOfRatios(results.costs, { one: 'ours, ms', other: 'the other, ms', ratio: 'times cheaper', promised: 'at least 30, in the mean 100; of objects at least 20', of: ([ours, other]) => other!.milliseconds / ours!.milliseconds, worst: Math.min }) : tableOfCosts(results.costs));
  if (results.scale) tables.push(tableOfRatios(results.scale, { one: 'empty, ms', other: 'full, ms', ratio: 'times dearer', promised: 'at most 2', of: ([empty, full]) => full!.milliseconds / empty!.milliseconds, worst: Math.max }));
  process.stdout.write(`${tables.filter((table) => table !== '').join('\n')}\n`);
}
