/** The same load for every cloud, and what it measured. Everything that it makes is deleted. */
import type { Endpoint } from './endpoint.ts';

export type Measured = { name: string; medianMs: number; p99Ms: number; perSecond: number };

const servers = 100;

/** Runs all cases; `say` is told what is under way. */
export async function measure(endpoint: Endpoint, { count, say }: { count: number; say: (line: string) => void }): Promise<Measured[]> {
  const { ask } = endpoint;
  const results: Measured[] = [];
  const run = async (name: string, times: number, work: (index: number) => Promise<unknown>) => {
    say(name);
    results.push(await timed(name, times, work));
  };
  const flavors = await ask<{ flavors: { id: string; ram: number }[] }>('compute', 'GET', '/flavors/detail');
  const flavor = flavors.body.flavors.sort((one, other) => one.ram - other.ram)[0];
  const images = await ask<{ images: { id: string; status: string }[] }>('image', 'GET', '/images');
  const image = images.body.images.find(({ status }) => status === 'active');
  if (!flavor || !image) throw new Error(`${endpoint.name} has no flavor or no active image`);

  await run('token issue', Math.min(count, 20), () => endpoint.issueToken());
  await run('token validate', count, () => ask('identity', 'GET', '/auth/tokens', undefined, { 'x-subject-token': endpoint.token }));

  const network = (await ask<{ network: { id: string } }>('network', 'POST', '/networks', { network: { name: 'bench' } })).body.network.id;
  await ask('network', 'POST', '/subnets', { subnet: { network_id: network, cidr: '10.99.0.0/16', ip_version: 4 } });
  const ports: string[] = [];
  await run('port create', count, async () => ports.push((await ask<{ port: { id: string } }>('network', 'POST', '/ports', { port: { network_id: network } })).body.port.id));
  await run('port delete', ports.length, (index) => ask('network', 'DELETE', `/ports/${ports[index]}`));

  const made: string[] = [];
  await run('server create (to 202)', servers, async (index) => {
    const wish = { name: `bench-${index}`, flavorRef: flavor.id, imageRef: image.id, networks: [{ uuid: network }] };
    made.push((await ask<{ server: { id: string } }>('compute', 'POST', '/servers', { server: wish })).body.server.id);
  });
  await settled(endpoint, made, (status) => status !== 'BUILD');
  await run('server show', count, (index) => ask('compute', 'GET', `/servers/${made[index % made.length]}`));
  await run('server list, 100 with details', Math.min(count, 100), () => ask('compute', 'GET', '/servers/detail?limit=100'));
  await run('server delete', made.length, (index) => ask('compute', 'DELETE', `/servers/${made[index]}`));
  await settled(endpoint, made, () => false);
  await ask('network', 'DELETE', `/networks/${network}`);
  return results;
}

/** One after another: what a client waits for. */
async function timed(name: string, times: number, work: (index: number) => Promise<unknown>): Promise<Measured> {
  const took: number[] = [];
  const begun = performance.now();
  for (let index = 0; index < times; index++) {
    const start = performance.now();
    await work(index);
    took.push(performance.now() - start);
  }
  const seconds = (performance.now() - begun) / 1000;
  took.sort((one, other) => one - other);
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0;
  return { name, medianMs: at(0.5), p99Ms: at(0.99), perSecond: times / seconds };
}

/** Waits until each server has a status as wished, or is gone. */
async function settled(endpoint: Endpoint, ids: string[], wished: (status: string) => boolean): Promise<void> {
  const deadline = Date.now() + 600_000;
  for (;;) {
    const { body } = await endpoint.ask<{ servers: { id: string; status: string }[] }>('compute', 'GET', '/servers/detail');
    const waiting = body.servers.filter(({ id, status }) => ids.includes(id) && !wished(status));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${endpoint.name}: ${waiting.length} servers have not settled`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
