/**
 * `npm run bench`: start times, memory and latencies of a fresh cloud on simulated hosts.
 *
 * `npm run bench -- --records 1000000`: with so many records of usage, taken and billed (100,000 without).
 *
 * `npm run bench -- --against`: the same load also on the cloud of OS_AUTH_URL, OS_USERNAME, …, and the ratio of both in this run.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { layoutOf } from '../supervisor/config.ts';
import { askSupervisor, type Status } from '../supervisor/control.ts';
import { freePort } from '../supervisor/free-port.ts';
import { measureDecisions } from './decisions.ts';
import { connectEndpoint, credentialsFrom } from './endpoint.ts';
import { measure, type Measured } from './load.ts';
import { measureUsage, type UsageMeasured } from './usage.ts';

const { values } = parseArgs({ options: { against: { type: 'boolean', default: false }, count: { type: 'string', default: '200' }, records: { type: 'string', default: '100000' }, format: { type: 'string', short: 'f', default: 'table' } } });
const count = Number(values.count);
const program = fileURLToPath(new URL('../intercloud', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'ic-bench-'));
// As root the API has an account of its own, which must be able to enter.
chmodSync(home, 0o755);
const stateDir = join(home, 'state');
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const say = (line: string) => void process.stderr.write(`… ${line}\n`);

try {
  say('cold start: nothing to the first answer of the API');
  const coldMs = await startAndAsk();
  await intercloud(['down']);
  say('warm start');
  const warmMs = await startAndAsk();
  say('memory, when idle');
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const memory = await memoryOfCloud();
  const password = readFileSync(layoutOf(stateDir).adminPassword, 'utf8').trim();
  const ours = await connectEndpoint('ours', { authUrl: `${base}/identity`, username: 'admin', password, project: 'admin', userDomain: 'Default', projectDomain: 'Default' });
  await allowBench(ours);
  const own = await measure(ours, { count, say: (line) => say(`ours: ${line}`) });
  const usage = await measureUsage(ours, { records: Number(values.records), pids: await workers(), say });
  const other = values.against ? await measure(await connectEndpoint('the other cloud', credentialsFrom(process.env)), { count, say: (line) => say(`other: ${line}`) }) : undefined;
  tell({ coldMs, warmMs, memory, own, usage, other });
} finally {
  await intercloud(['reset', '--yes']);
  rmSync(home, { recursive: true, force: true });
}

function tell({ coldMs, warmMs, memory, own, usage, other }: { coldMs: number; warmMs: number; memory: Record<string, number>; own: Measured[]; usage: UsageMeasured; other: Measured[] | undefined }): void {
  const totalMiB = Object.values(memory).reduce((sum, each) => sum + each, 0);
  if (values.format === 'json') return void process.stdout.write(`${JSON.stringify({ coldMs, warmMs, memoryMiB: { ...memory, total: totalMiB }, own, usage, other }, null, 2)}\n`);
  const starts = new Table({ head: ['', 'measured', 'promised'], style: { head: [], border: [] } });
  starts.push(
    ['nothing to first answer', `${(coldMs / 1000).toFixed(2)} s`, '15 s'],
    ['warm start to first answer', `${(warmMs / 1000).toFixed(2)} s`, '2 s'],
    [`memory when idle (PSS): ${Object.entries(memory).map(([name, each]) => `${name} ${each.toFixed(0)}`).join(', ')}`, `${totalMiB.toFixed(0)} MiB`, '400 MB'],
    ['decision over 1,000 places, median', `${measureDecisions().toFixed(2)} ms`, '5 ms'],
    ['server create answers 202, median', `${own.find(({ name }) => name.startsWith('server create'))?.medianMs.toFixed(1)} ms`, '20 ms'],
    ['usage: records taken per second and core', `${usage.perCoreSecond.toFixed(0)} (${usage.perSecond.toFixed(0)} per second from one sender)`, '30000'],
    [`usage: ${usage.records} records rated and billed, in ${usage.lines} lines`, `${usage.billedSeconds.toFixed(1)} s (and computed again, one by one, in ${usage.replayedSeconds.toFixed(1)} s)`, `${((60 * usage.records) / 1_000_000).toFixed(0)} s`],
  );
  const head = ['one after another', 'median ms', 'p99 ms', 'per second', ...(other ? ['other median ms', 'times faster'] : [])];
  const cases = new Table({ head, style: { head: [], border: [] } });
  for (const [index, { name, medianMs, p99Ms, perSecond }] of own.entries()) {
    const theirs = other?.[index];
    cases.push([name, medianMs.toFixed(2), p99Ms.toFixed(2), perSecond.toFixed(0), ...(theirs ? [theirs.medianMs.toFixed(1), (theirs.medianMs / medianMs).toFixed(1)] : [])]);
  }
  process.stdout.write(`${starts.toString()}\n${cases.toString()}\n`);
}

/** From the command to the first answer, in milliseconds; returns when the whole cloud is up. */
async function startAndAsk(): Promise<number> {
  const begun = performance.now();
  const up = intercloud(['up', '--driver', 'simulated', '--hosts', '10', '--port', String(port)]);
  let answeredMs = 0;
  while (answeredMs === 0) {
    try {
      await fetch(`${base}/identity/v3`);
      answeredMs = performance.now() - begun;
    } catch {
      // Not yet: asked again until `up` itself gives up.
      const over = await Promise.race([up.then(() => true), new Promise<false>((resolve) => setTimeout(() => resolve(false), 5))]);
      if (over) throw new Error('The cloud is up and does not answer');
    }
  }
  await up;
  return answeredMs;
}

/** The processes that take usage and bill it: the API and PostgreSQL with all of its own, as they are at each look. */
async function workers(): Promise<() => number[]> {
  const status = await askSupervisor<Status>(layoutOf(stateDir).supervisorSocket, { command: 'status' });
  const roots = (status?.processes ?? []).filter(({ name, pid }) => pid !== null && (name === 'api' || name === 'postgresql')).map(({ pid }) => pid!);
  if (roots.length < 2) throw new Error('The API or PostgreSQL does not run');
  return () => roots.flatMap(family);
}

/** MiB of each process of ours and PostgreSQL's, each shared page counted once among those who share it. */
async function memoryOfCloud(): Promise<Record<string, number>> {
  const status = await askSupervisor<Status>(layoutOf(stateDir).supervisorSocket, { command: 'status' });
  if (!status) throw new Error('The cloud is down');
  const roots = [{ name: 'supervisor', pid: status.pid }, ...status.processes.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }]))];
  return Object.fromEntries(roots.map(({ name, pid }) => [name, (name === 'postgresql' ? family(pid) : [pid]).reduce((sum, each) => sum + pssMiB(each), 0)]));
}

function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(family)];
}

function pssMiB(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** The usual quota of ten servers is no measure of speed. */
async function allowBench(endpoint: Awaited<ReturnType<typeof connectEndpoint>>): Promise<void> {
  const { body } = await endpoint.ask<{ token: { project: { id: string } } }>('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': endpoint.token });
  const project = body.token.project.id;
  await endpoint.ask('compute', 'PUT', `/os-quota-sets/${project}`, { quota_set: { instances: -1, cores: -1, ram: -1 } });
  await endpoint.ask('network', 'PUT', `/quotas/${project}`, { quota: { port: -1 } });
}

function intercloud(args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, '--state', stateDir], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: home } });
    let words = '';
    child.stderr.on('data', (data) => (words += String(data)));
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`intercloud ${args[0]} failed: ${words}`))));
  });
}
