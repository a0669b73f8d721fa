/** Many agents that have joined one region: what they cost while nothing happens, and how soon all are back after a restart of all. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { GateAddress, HostIdentity } from '../agent/enrolment.ts';
import { fingerprintOf, joinRegion } from '../agent/joining.ts';
import { makeKeys } from '../kit/authority.ts';
import { atOnce } from './cases.ts';
import type { Endpoint } from './endpoint.ts';
import { makeOwnCloud, type OwnCloud } from './own-cloud.ts';
import type { Worked } from './processors.ts';

export type Agents = {
  agents: number;
  /** Of one core, in per cent: the whole cloud, by process, as long as nothing happens. Without agents, and with them. */
  alone: Record<string, number>;
  joined: Record<string, number>;
  /** From the moment in which all agents were started again until the last one is up. */
  convergedSeconds: number;
  /** What of a core's time the cloud has used in that. */
  convergedCoreSeconds: number;
};

/** What the process of the agents is told. */
export type AgentsWish = { gate: GateAddress; folder: string; identities: HostIdentity[] };

type Wanted = { agents: number; idleSeconds: number; say: (line: string) => void };

const atATime = 16;
const convergedWithinMs = 300_000;
/** Longer than all that is done every so often for hosts and servers. */
const settleMs = 20_000;
const child = fileURLToPath(new URL('./agents.child.ts', import.meta.url));
const processes = ['gate', 'api', 'worker', 'agent', 'postgresql'] as const;

/** In a cloud of its own. The agents are processes beside it, whose work is theirs. */
export async function measureAgents(wanted: Wanted): Promise<Agents> {
  const folder = mkdtempSync(join(tmpdir(), 'ic-bench-agents-'));
  const cloud = await makeOwnCloud({ hosts: 1 });
  const running: ChildProcess[] = [];
  try {
    await cloud.up();
    return await measureIn(cloud, { ...wanted, folder, running });
  } finally {
    for (const each of running) await stopped(each);
    await cloud.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureIn(cloud: OwnCloud, { agents, idleSeconds, say, folder, running }: Wanted & { folder: string; running: ChildProcess[] }): Promise<Agents> {
  const endpoint = await cloud.connect();
  const { authority, ...gate } = await cloud.openGate();
  const worked = await workedByEach(cloud);
  say('the cloud without agents, idle');
  const alone = await idle(worked, idleSeconds);
  say(`${agents} agents join`);
  const identities = await enrolled(endpoint, { gate, authority, agents });
  const file = join(folder, 'agents.json');
  writeFileSync(file, JSON.stringify({ gate, folder, identities } satisfies AgentsWish), { mode: 0o600 });
  running.push(await started(file));
  await allUp(endpoint, agents + 1);
  say(`${agents} agents, idle`);
  const joined = await idle(worked, idleSeconds);
  say('all agents are started again');
  await stopped(running.pop()!);
  await allUp(endpoint, 1);
  const before = total(read(worked));
  running.push(await started(file));
  const begun = performance.now();
  await allUp(endpoint, agents + 1);
  return { agents, alone, joined, convergedSeconds: (performance.now() - begun) / 1_000, convergedCoreSeconds: total(read(worked)) - before };
}

async function enrolled({ ask }: Endpoint, { gate, authority, agents }: { gate: GateAddress; authority: string; agents: number }): Promise<HostIdentity[]> {
  const identities: HostIdentity[] = [];
  await atOnce(agents, atATime, async (index) => {
    const { host, secret } = (await ask<{ host: { id: string }; secret: string }>('intercloud-region', 'POST', '/hosts', { name: `rack-${index}` })).body;
    const { identity } = await joinRegion({ gate, token: { hostId: host.id, secret, authority: fingerprintOf(authority) }, key: makeKeys().key });
    identities.push(identity);
  });
  return identities;
}

async function started(file: string): Promise<ChildProcess> {
  const process = fork(child, [file], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  await Promise.race([once(process, 'message'), once(process, 'exit').then(() => Promise.reject(new Error('The agents did not start')))]);
  return process;
}

async function stopped(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return;
  const exit = once(process, 'exit');
  process.kill('SIGKILL');
  await exit;
}

/** As every client sees it: so many compute services are up, and no more. */
async function allUp({ ask }: Endpoint, hosts: number): Promise<void> {
  for (const deadline = performance.now() + convergedWithinMs; ; await pause(250)) {
    const { services } = (await ask<{ services: { state: string }[] }>('compute', 'GET', '/os-services?binary=nova-compute')).body;
    const up = services.filter(({ state }) => state === 'up').length;
    if (up === hosts) return;
    if (performance.now() > deadline) throw new Error(`${up} of ${hosts} hosts were up in time`);
  }
}

async function idle(worked: ReadonlyMap<string, Worked>, seconds: number): Promise<Record<string, number>> {
  await pause(settleMs);
  const before = read(worked);
  const begun = performance.now();
  await pause(seconds * 1_000);
  const after = read(worked);
  const took = (performance.now() - begun) / 1_000;
  return Object.fromEntries(Object.keys(after).map((name) => [name, ((after[name]! - before[name]!) / took) * 100]));
}

async function workedByEach(cloud: OwnCloud): Promise<Map<string, Worked>> {
  const each = new Map<string, Worked>();
  for (const name of processes) each.set(name, await cloud.workedBy([name]));
  return each;
}

function read(worked: ReadonlyMap<string, Worked>): Record<string, number> {
  return Object.fromEntries([...worked].map(([name, seconds]) => [name, seconds()]));
}

function total(of: Record<string, number>): number {
  return Object.values(of).reduce((sum, each) => sum + each, 0);
}
