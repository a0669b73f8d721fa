/** Many servers on many simulated hosts: how long until all are up, what it costs, and what others feel meanwhile. */
import { setTimeout as pause } from 'node:timers/promises';
import { atOnce } from './cases.ts';
import { send, type Endpoint } from './endpoint.ts';
import { makeOwnCloud, type OwnCloud } from './own-cloud.ts';
import type { Worked } from './processors.ts';

export type Fleet = {
  servers: number;
  hosts: number;
  /** From the first request until the last server is ACTIVE. */
  activeSeconds: number;
  /** Until the last one was accepted. */
  acceptedSeconds: number;
  /** What a server has cost of processors, by process. */
  millisecondsEach: Record<string, number>;
  /** Of light reads, one every 20 ms, while servers were made. */
  answersP99Ms: number;
  /** Of a list with a thousand servers and their details, when all are up. */
  listMedianMs: number;
  listed: number;
  memory: Record<string, number>;
};

const atATime = 16;
const everyMs = 20;
const warmUp = 64;
/** As many as there are on the longest page. */
const listed = 1_000;
/** The most that one request may make. */
const togetherAtMost = 100;
const processes = ['api', 'worker', 'agent', 'postgresql'] as const;

/** In a cloud of its own, which has as many hosts as that takes. */
export async function measureFleet({ servers, hosts, say }: { servers: number; hosts: number; say: (line: string) => void }): Promise<Fleet> {
  const cloud = await makeOwnCloud({ hosts });
  try {
    say(`a cloud of ${hosts} hosts`);
    await cloud.up();
    return await measureIn(cloud, { servers, hosts, say });
  } finally {
    await cloud.remove();
  }
}

async function measureIn(cloud: OwnCloud, { servers, hosts, say }: { servers: number; hosts: number; say: (line: string) => void }): Promise<Fleet> {
  const endpoint = await cloud.connect();
  const wish = await wishOf(endpoint);
  // What is compiled and prepared once, and the connections that are opened, are no server's cost.
  await create(endpoint, wish, warmUp);
  await allActive(endpoint, warmUp);
  const worked = await workedByEach(cloud);
  const before = read(worked);
  const reading = new AbortController();
  const answers = readUntil(endpoint, reading.signal);
  say(`${servers} servers`);
  const begun = performance.now();
  await create(endpoint, wish, servers);
  const acceptedSeconds = (performance.now() - begun) / 1_000;
  await allActive(endpoint, servers + warmUp);
  const activeSeconds = (performance.now() - begun) / 1_000;
  const after = read(worked);
  reading.abort();
  const took = (await answers).toSorted((one, other) => one - other);
  const memory = await cloud.memory();
  await createTogether(endpoint, wish, listed - servers - warmUp);
  const listMedianMs = await medianOfLists(endpoint);
  return {
    servers,
    hosts,
    activeSeconds,
    acceptedSeconds,
    millisecondsEach: Object.fromEntries(processes.map((name) => [name, ((after[name]! - before[name]!) / servers) * 1_000])),
    answersP99Ms: took[Math.floor(took.length * 0.99)]!,
    listMedianMs,
    listed,
    memory,
  };
}

async function workedByEach(cloud: OwnCloud): Promise<Map<string, Worked>> {
  const each = new Map<string, Worked>();
  for (const name of processes) each.set(name, await cloud.workedBy([name]));
  return each;
}

function read(worked: ReadonlyMap<string, Worked>): Record<string, number> {
  return Object.fromEntries([...worked].map(([name, seconds]) => [name, seconds()]));
}

async function wishOf({ ask }: Endpoint): Promise<object> {
  const flavors = (await ask<{ flavors: { id: string; ram: number }[] }>('compute', 'GET', '/flavors/detail')).body.flavors;
  const flavor = flavors.toSorted((one, other) => one.ram - other.ram)[0];
  const image = (await ask<{ images: { id: string; status: string }[] }>('image', 'GET', '/images')).body.images.find(({ status }) => status === 'active');
  if (!flavor || !image) throw new Error('There is no flavor or no active image');
  const { network } = (await ask<{ network: { id: string } }>('network', 'POST', '/networks', { network: { name: 'fleet' } })).body;
  await ask('network', 'POST', '/subnets', { subnet: { network_id: network.id, cidr: '10.64.0.0/10', ip_version: 4 } });
  return { flavorRef: flavor.id, imageRef: image.id, networks: [{ uuid: network.id }] };
}

async function create({ ask }: Endpoint, wish: object, servers: number): Promise<void> {
  await atOnce(servers, atATime, (index) => ask('compute', 'POST', '/servers', { server: { ...wish, name: `fleet-${index}` } }));
}

/** For no measure but that they are there. */
async function createTogether(endpoint: Endpoint, wish: object, servers: number): Promise<void> {
  for (let left = servers; left > 0; left -= togetherAtMost) {
    const count = Math.min(left, togetherAtMost);
    await endpoint.ask('compute', 'POST', '/servers', { server: { ...wish, name: 'more', min_count: count, max_count: count } });
  }
  await allActive(endpoint, servers);
}

async function allActive(endpoint: Endpoint, servers: number): Promise<void> {
  for (const deadline = performance.now() + 900_000; ; await pause(100)) {
    if ((await some(endpoint, 'ERROR')) !== 0) throw new Error('A server could not be made');
    if ((await some(endpoint, 'BUILD')) === 0) return;
    if (performance.now() > deadline) throw new Error(`${servers} servers were not up in time`);
  }
}

async function some({ ask }: Endpoint, status: string): Promise<number> {
  return (await ask<{ servers: unknown[] }>('compute', 'GET', `/servers?status=${status}&limit=1`)).body.servers.length;
}

async function readUntil({ ask }: Endpoint, signal: AbortSignal): Promise<number[]> {
  const took: number[] = [];
  const under: Promise<unknown>[] = [];
  for (let at = performance.now(); !signal.aborted; at += everyMs) {
    await pause(Math.max(0, at - performance.now()));
    const start = performance.now();
    under.push(ask('compute', 'GET', '/servers?limit=1').then(() => took.push(performance.now() - start)));
  }
  await Promise.all(under);
  return took;
}

/** Until the last byte has come: what a client makes of it is its own. */
async function medianOfLists({ urlOf, token }: Endpoint): Promise<number> {
  const took: number[] = [];
  for (let times = 0; times < 25; times++) {
    const start = performance.now();
    const { status } = await send('GET', `${urlOf('compute')}/servers/detail?limit=${listed}`, { 'x-auth-token': token });
    if (status !== 200) throw new Error(`A list of servers answered ${status}`);
    took.push(performance.now() - start);
  }
  return took.toSorted((one, other) => one - other)[12]!;
}
