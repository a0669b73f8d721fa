/**
 * One look at a region from outside, as any client would have it: what a customer does first and last. Each step proves a
 * capability; what it made is deleted whatever happens, and what an earlier look left is deleted first.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { createClient, Refused, type Client } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import { image } from '../../contract/image/service.ts';
import { network } from '../../contract/network/service.ts';
import { volume } from '../../contract/volume/service.ts';
import type { Clock, Random } from '../../kit/clock.ts';

/** In the order in which they are tried. */
export const capabilityNames = ['identity', 'image', 'network', 'boot', 'volume', 'delete'] as const;
export type CapabilityName = (typeof capabilityNames)[number];

export type ProbeResult = { name: CapabilityName; milliseconds: number | null; /** Why it does not work; null: it does. */ failure: string | null };

export type ProbeParts = {
  base: string;
  fetch: typeof fetch;
  token: () => Promise<string>;
  clock: Clock;
  random: Random;
  /** For each wait. */
  patienceMs: number;
  /** After which a step that has not failed yet is told to be late; it goes on. */
  lateMs(capability: CapabilityName): number;
  late(capability: CapabilityName, seconds: number): Promise<void>;
  signal: AbortSignal;
};

type Clients = { compute: Client<typeof compute>; image: Client<typeof image>; network: Client<typeof network>; volume: Client<typeof volume> };

/** By which what a look made is known again: our own project, our own door. */
const mark = 'intercloud-probe';
const pollMs = 250;

export async function probeRegion(parts: ProbeParts): Promise<ProbeResult[]> {
  const options = { base: parts.base, token: parts.token, fetch: parts.fetch };
  const clients: Clients = { compute: createClient(compute, options), image: createClient(image, options), network: createClient(network, options), volume: createClient(volume, options) };
  const name = `${mark}-${parts.random.uuid().slice(0, 8)}`;
  const results: ProbeResult[] = [];
  const made: { imageId?: string; networkId?: string } = {};
  const attempt = async (capability: CapabilityName, work: () => Promise<void>, needs: boolean): Promise<void> => {
    if (!needs) return void results.push({ name: capability, milliseconds: null, failure: 'What it needs does not work.' });
    const began = parts.clock.now().getTime();
    const done = new AbortController();
    try {
      await Promise.all([work().finally(() => done.abort()), tellWhenLate(parts, capability, done.signal)]);
      results.push({ name: capability, milliseconds: parts.clock.now().getTime() - began, failure: null });
    } catch (error) {
      results.push({ name: capability, milliseconds: null, failure: reasonOf(error) });
    }
  };
  const works = (capability: CapabilityName) => results.some((each) => each.name === capability && each.failure === null);

  await attempt('identity', async () => {
    await clients.compute.flavors.list();
    await sweep(parts, clients);
  }, true);
  await attempt('image', async () => {
    made.imageId = await smallestImage(clients);
  }, works('identity'));
  await attempt('network', async () => {
    const created = (await clients.network.networks.create({ body: { network: { name } } })).body.network;
    made.networkId = created?.id ?? '';
    await clients.network.subnets.create({ body: { subnet: { network_id: made.networkId, ip_version: 4, cidr: '192.0.2.0/28' } } });
  }, works('identity'));
  // At once: how long the one takes must not keep the other from being seen to fail.
  await Promise.all([
    attempt('boot', () => boot(parts, clients, { name, imageId: made.imageId ?? '', networkId: made.networkId ?? '' }), works('image') && works('network')),
    attempt('volume', () => makeVolume(parts, clients, name), works('identity')),
  ]);
  await attempt('delete', () => sweep(parts, clients), works('identity'));
  return results.toSorted((one, other) => capabilityNames.indexOf(one.name) - capabilityNames.indexOf(other.name));
}

/** Whoever waits for a failure to be final learns of it too late: a region tries again and again before it gives up. */
async function tellWhenLate({ clock, lateMs, late }: ProbeParts, capability: CapabilityName, done: AbortSignal): Promise<void> {
  const ms = lateMs(capability);
  const isDone = await clock.after(ms, done).then(() => false, () => true);
  if (!isDone) await late(capability, Math.round(ms / 1000));
}

async function smallestImage({ image: images }: Clients): Promise<string> {
  const { body } = await images.images.list({ query: { status: 'active', visibility: 'public' } as never });
  const [smallest] = body.images.toSorted((one, other) => Number(one.size ?? 0) - Number(other.size ?? 0));
  if (!smallest) throw new Error('It has no image that everybody can boot from.');
  return smallest.id;
}

async function boot(parts: ProbeParts, { compute: servers }: Clients, { name, imageId, networkId }: { name: string; imageId: string; networkId: string }): Promise<void> {
  const { flavors } = (await servers.flavors.detail()).body;
  const [smallest] = flavors.toSorted((one, other) => one.ram - other.ram || one.vcpus - other.vcpus);
  if (!smallest) throw new Error('It has no flavor.');
  const { id } = ((await servers.servers.create({ body: { server: { name, flavorRef: smallest.id, imageRef: imageId, networks: [{ uuid: networkId }] } } as never })).body as { server: { id: string } }).server;
  await until(parts, 'the machine to run', async () => {
    const { status, fault } = (await servers.servers.show({ params: { server_id: id } })).body.server as { status: string; fault?: { message?: string } };
    if (status === 'ERROR') throw new Error(`The machine did not come up: ${fault?.message ?? 'no reason was given'}`);
    return status === 'ACTIVE';
  });
}

async function makeVolume(parts: ProbeParts, { volume: volumes }: Clients, name: string): Promise<void> {
  const { id } = (await volumes.volumes.create({ body: { volume: { name, size: 1 } } as never })).body.volume as { id: string };
  await until(parts, 'the volume to be there', async () => {
    const { status } = (await volumes.volumes.show({ params: { volume_id: id } })).body.volume as { status: string };
    if (status === 'error') throw new Error('The volume could not be made.');
    return status === 'available';
  });
}

/** Everything that looks at this region have left, the last one too. */
async function sweep(parts: ProbeParts, { compute: servers, volume: volumes, network: networks }: Clients): Promise<void> {
  const ours = <T extends { name?: string | null }>(list: readonly T[]) => list.filter(({ name }) => name?.startsWith(mark) === true);
  for (const { id } of ours((await servers.servers.list()).body.servers as { id: string; name: string }[])) await quietly(() => servers.servers.delete({ params: { server_id: id } }));
  for (const { id } of ours((await volumes.volumes.list()).body.volumes as { id: string; name: string }[])) await quietly(() => volumes.volumes.delete({ params: { volume_id: id } }));
  await until(parts, 'machines and volumes to go', async () => {
    const left = [...ours((await servers.servers.list()).body.servers as { name: string }[]), ...ours((await volumes.volumes.list()).body.volumes as { name: string }[])];
    return left.length === 0;
  });
  for (const { id } of ours((await networks.networks.list()).body.networks as { id: string; name: string }[])) await quietly(() => networks.networks.delete({ params: { network_id: id } }));
}

/** It may have gone by itself. */
async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused) || ![404, 409, 400].includes(error.status)) throw error;
  }
}

async function until({ patienceMs, signal }: ProbeParts, what: string, done: () => Promise<boolean>): Promise<void> {
  // By the machine's own time: a probe measures the world, and its end must not wait for a clock that stands still.
  const patience = AbortSignal.any([AbortSignal.timeout(patienceMs), signal]);
  while (!(await done())) {
    if (patience.aborted) throw new Error(`Waited ${Math.round(patienceMs / 1000)} s for ${what}.`);
    await wait(pollMs);
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Refused) return `It answered with ${error.status}.`;
  return error instanceof Error ? error.message.slice(0, 300) : String(error);
}
