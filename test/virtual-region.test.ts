import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, type Client, type Refused } from '../contract/client.ts';
import type { compute } from '../contract/compute/service.ts';
import type { image } from '../contract/image/service.ts';
import { broker } from '../contract/intercloud/broker.ts';
import { region } from '../contract/intercloud/region.ts';
import { network } from '../contract/network/service.ts';
import { virtualServices } from '../contract/virtual.ts';
import type { volume } from '../contract/volume/service.ts';
import { observeRegions, settleDecisions } from '../services/broker/observing.ts';
import { startCloud, type Person, type TestCloud } from './cloud.ts';
import { addRegion, type TestRegion } from './several-regions.ts';

type Anywhere = { compute: Client<typeof compute>; image: Client<typeof image>; volume: Client<typeof volume>; network: Client<typeof network> };

/** The region that spans all, as this person's client sees it: the same contracts at other paths. */
function anywhere(person: Person): Anywhere {
  const [computing, images, volumes, networks] = virtualServices;
  return { compute: person.client(computing as typeof compute), image: person.client(images as typeof image), volume: person.client(volumes as typeof volume), network: person.client(networks as typeof network) };
}

async function startTwo(t: { after(work: () => Promise<void>): void }, { driver = 'simulated' }: { driver?: string } = {}): Promise<{ cloud: TestCloud; two: TestRegion; observe(): Promise<void>; settle(): Promise<void>; at: Anywhere }> {
  const cloud = await startCloud(t, { hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const two = await addRegion(t, cloud, 'two', { driver });
  const observe = () => observeRegions(cloud.cloud.broker.parts);
  await observe();
  return {
    cloud,
    two,
    observe,
    async settle() {
      await cloud.settle();
      await two.settle();
      await settleDecisions(cloud.cloud.broker.parts);
      await observe();
    },
    at: anywhere(cloud.alice),
  };
}

async function boot({ at, cloud }: { at: Anywhere; cloud: TestCloud }, more: object = {}): Promise<string> {
  const { flavors } = (await at.compute.flavors.list()).body;
  const flavorRef = flavors[0]!.id;
  const { body } = await at.compute.servers.create({ body: { server: { name: 'machine', flavorRef, imageRef: cloud.imageId, networks: [], ...more } } as never });
  return (body as { server: { id: string } }).server.id;
}

test('the catalog has a region that spans all, once there are two', async (t) => {
  const { cloud } = await startTwo(t);
  const regions = (await cloud.admin.identity.endpoints.list()).body.endpoints.map(({ region_id }) => region_id);

  assert.ok(regions.includes('anywhere') && regions.includes('two'));
});

test('machines go home while there is room, then to a partner, and are seen in one list', async (t) => {
  const all = await startTwo(t, { driver: 'openstack' });
  const { cloud, two, at, settle } = all;
  const ids: string[] = [];
  for (let number = 0; number < 6; number++) {
    ids.push(await boot(all));
    await settle();
  }
  const listed = (await at.compute.servers.detail()).body.servers as { id: string; status: string; 'OS-EXT-AZ:availability_zone': string; image: { id: string } }[];

  assert.deepEqual(new Set(listed.map(({ id }) => id)), new Set(ids));
  assert.ok(listed.every(({ status }) => status === 'ACTIVE'));
  const where = Map.groupBy(listed, (server) => server['OS-EXT-AZ:availability_zone']);
  // One processor of which each is given out four times.
  assert.equal(where.get('RegionOne')?.length, 4);
  assert.equal(where.get('two')?.length, 2);
  assert.ok(listed.every(({ image: { id } }) => id === cloud.imageId));
  assert.equal((await two.driver.servers.list()).length, 2);

  const pages: string[] = [];
  for (let marker: string | undefined; ; ) {
    const { servers } = (await at.compute.servers.list({ query: { limit: 2, ...(marker === undefined ? {} : { marker }) } as never })).body;
    pages.push(...servers.map(({ id }) => id));
    if (servers.length < 2) break;
    marker = servers.at(-1)?.id;
  }
  assert.deepEqual(pages.toSorted(), ids.toSorted());

  for (const id of ids) await at.compute.servers.delete({ params: { server_id: id } });
  await settle();
  assert.deepEqual((await at.compute.servers.list()).body.servers, []);
  assert.deepEqual(await cloud.diagnose(), []);
  assert.deepEqual(await two.diagnose(), []);
});

test('what was decided on is not decided on again before the region says anew what it has left', async (t) => {
  const all = await startTwo(t, { driver: 'openstack' });
  const { cloud, at, settle } = all;

  // Nobody asks the regions in between.
  for (let number = 0; number < 6; number++) await boot(all);
  await settle();

  const { decisions } = (await cloud.alice.client(broker).decisions.list()).body;
  assert.deepEqual(decisions.map(({ region, state, succeeded }) => `${region} ${state} ${succeeded}`).toSorted(), [...Array.from({ length: 4 }, () => 'RegionOne placed true'), ...Array.from({ length: 2 }, () => 'two placed true')]);
  assert.equal((await at.compute.servers.list()).body.servers.length, 6);
});

test('a region does not say that it has left what it has promised', async (t) => {
  const cloud = await startCloud(t, { hosts: 1, hostShape: { vcpus: 1, memoryMiB: 16_384, diskGiB: 100 } });
  const freeVcpus = async () => (await cloud.admin.client(region).capacity.show()).body.zones.map(({ free }) => free.vcpus);
  const { flavors } = (await cloud.alice.compute.flavors.list()).body;
  assert.deepEqual(await freeVcpus(), [4]);

  // Nobody works: it is promised, and claims no host.
  await cloud.rest();
  await cloud.alice.compute.servers.create({ body: { server: { name: 'promised', flavorRef: flavors[0]!.id, imageRef: cloud.imageId, networks: [] } } as never });

  assert.deepEqual(await freeVcpus(), [3]);
});

test('each decision can be asked why, and what if', async (t) => {
  const all = await startTwo(t);
  const { cloud, settle } = all;
  const id = await boot(all, { availability_zone: 'two' });
  await settle();
  const decisions = cloud.alice.client(broker);
  const [decision] = (await decisions.decisions.list({ query: { server_id: id } })).body.decisions;

  assert.equal(decision?.region, 'two');
  assert.equal(decision?.succeeded, true);
  assert.deepEqual(decision?.candidates.find(({ region }) => region === 'RegionOne')?.reasons, ['the availability zone two is in two']);
  const { body } = await decisions.decisions.whatIf({ body: { wish: { vcpus: 6, memory_mib: 1024, disk_gib: 1 } } });
  assert.equal(body.region, 'two');
  assert.deepEqual(body.candidates.find(({ region }) => region === 'RegionOne')?.reasons, ['no room: 6 vCPUs of 4']);
  await assert.rejects(cloud.bob.client(broker).decisions.show({ params: { decision_id: decision!.id } }), (error: Refused) => error.status === 404);
});

test('network, group, key and image are made again where the machine goes, and gone when they are deleted', async (t) => {
  const all = await startTwo(t);
  const { cloud, two, at, settle } = all;
  const { id: networkId } = (await at.network.networks.create({ body: { network: { name: 'net' } } })).body.network as { id: string };
  const { id: subnetId } = (await at.network.subnets.create({ body: { subnet: { network_id: networkId, ip_version: 4, cidr: '10.9.0.0/24' } } })).body.subnet as { id: string };
  const external = (await at.network.networks.list({ query: { 'router:external': ['true'] } as never })).body.networks[0]!.id;
  const { id: routerId } = (await at.network.routers.create({ body: { router: { name: 'router', external_gateway_info: { network_id: external } } } })).body.router as { id: string };
  await at.network.routers.addInterface({ params: { router_id: routerId }, body: { subnet_id: subnetId } });
  const { id: groupId } = (await at.network.securityGroups.create({ body: { security_group: { name: 'web' } } })).body.security_group as { id: string };
  await at.network.securityGroupRules.create({ body: { security_group_rule: { security_group_id: groupId, direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 } } });
  await at.compute.keyPairs.create({ body: { keypair: { name: 'mine', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDlxlFHDwJ1kUVSkH4QYlOAu6C5pGPxtFJuIi/IsUjjV me' } } });
  const serverId = await boot(all, { availability_zone: 'two', networks: [{ uuid: networkId }], security_groups: [{ name: 'web' }], key_name: 'mine' });
  await settle();

  const server = (await at.compute.servers.show({ params: { server_id: serverId } })).body.server as { status: string; addresses: object; key_name: string; security_groups: { name: string }[] };
  assert.equal(server.status, 'ACTIVE');
  assert.deepEqual(Object.keys(server.addresses), ['net']);
  assert.equal(server.key_name, 'mine');
  assert.deepEqual(server.security_groups.map(({ name }) => name), ['web']);
  const there = cloud.alice.client(network, 'http://two.example');
  const copied = (await there.securityGroups.list({ query: { name: ['web'] } as never })).body.security_groups[0]!;
  assert.ok((copied.security_group_rules as { port_range_min: number | null }[]).some(({ port_range_min }) => port_range_min === 22));
  assert.equal((await there.routers.list()).body.routers.length, 1);
  // Seen once, whatever the number of copies.
  assert.equal((await at.network.networks.list({ query: { name: ['net'] } as never })).body.networks.length, 1);

  const rule = (await at.network.securityGroupRules.create({ body: { security_group_rule: { security_group_id: groupId, direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 80 } } })).body.security_group_rule;
  assert.ok(rule);
  const again = (await there.securityGroups.show({ params: { security_group_id: copied.id ?? '' } })).body.security_group;
  assert.ok((again.security_group_rules as { port_range_min: number | null }[]).some(({ port_range_min }) => port_range_min === 80), 'a copy follows what becomes of its source');

  await assert.rejects(at.network.networks.delete({ params: { network_id: networkId } }), (error: Refused) => error.status === 409, 'a copy in use keeps all of them');
  await at.compute.servers.delete({ params: { server_id: serverId } });
  await settle();
  await at.network.routers.removeInterface({ params: { router_id: routerId }, body: { subnet_id: subnetId } });
  await at.network.routers.delete({ params: { router_id: routerId } });
  await at.network.networks.delete({ params: { network_id: networkId } });
  await at.network.securityGroups.delete({ params: { security_group_id: groupId } });
  await settle();
  assert.deepEqual((await there.networks.list({ query: { name: ['net'] } as never })).body.networks, []);
  assert.deepEqual((await there.routers.list()).body.routers, []);
  assert.deepEqual(await two.diagnose(), []);
});

test('a volume is where its zone says, and is attached there only', async (t) => {
  const all = await startTwo(t);
  const { at, settle } = all;
  const { id: volumeId } = (await at.volume.volumes.create({ body: { volume: { size: 1, availability_zone: 'two' } } as never })).body.volume as { id: string };
  const here = await boot(all, { availability_zone: 'RegionOne' });
  const there = await boot(all, { availability_zone: 'two' });
  await settle();

  assert.equal(((await at.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume as { availability_zone: string }).availability_zone, 'two');
  await assert.rejects(at.compute.serverVolumes.attach({ params: { server_id: here }, body: { volumeAttachment: { volumeId } } as never }), (error: Refused) => error.status === 404 || error.status === 400);
  await at.compute.serverVolumes.attach({ params: { server_id: there }, body: { volumeAttachment: { volumeId } } as never });
  await settle();
  assert.equal(((await at.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume as { status: string }).status, 'in-use');
  assert.match((await at.compute.serverActions.getConsoleOutput({ params: { server_id: there }, body: { 'os-getConsoleOutput': {} } } as never)).body.output, /\w/);
});

test('an address that was made without a port says where it is, when a port of another region is to have it', async (t) => {
  const { cloud, at } = await startTwo(t);
  const there = cloud.alice.client(network, 'http://two.example');
  const { id: networkId } = (await there.networks.create({ body: { network: { name: 'net' } } as never })).body.network!;
  await there.subnets.create({ body: { subnet: { network_id: networkId, cidr: '10.9.0.0/24', ip_version: 4 } } as never });
  const { id: portId } = (await there.ports.create({ body: { port: { network_id: networkId } } as never })).body.port!;
  const [outside] = (await at.network.networks.list({ query: { 'router:external': 'true' } as never })).body.networks;
  const { id } = (await at.network.floatingIps.create({ body: { floatingip: { floating_network_id: outside!.id } } as never })).body.floatingip!;

  await assert.rejects(at.network.floatingIps.update({ params: { floatingip_id: id }, body: { floatingip: { port_id: portId } } as never }), (error: Refused) => error.status === 409 && /address of RegionOne and port .* is in two/.test(JSON.stringify(error.body)));
});

test('a region that does not answer is named, and the rest goes on', async (t) => {
  const all = await startTwo(t);
  const { cloud, two, at, settle } = all;
  const here = await boot(all, { availability_zone: 'RegionOne' });
  const there = await boot(all, { availability_zone: 'two' });
  await settle();
  two.cutOff();

  const listed = await at.compute.servers.list();
  assert.deepEqual(listed.body.servers.map(({ id }) => id), [here]);
  assert.equal(listed.headers.get('x-intercloud-unreachable'), 'two');
  await assert.rejects(at.compute.servers.show({ params: { server_id: there } }), (error: Refused) => error.status === 503 && JSON.stringify(error.body).includes('two'));
  two.comeBack();
  assert.equal((await at.compute.servers.show({ params: { server_id: there } })).status, 200);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a region that made a machine without saying so makes no second one, and what nobody was told of goes', async (t) => {
  const all = await startTwo(t);
  const { cloud, two, settle } = all;
  const door = cloud.doors.get('two.example')!;
  let cuts = 0;
  // It does what it is asked and the answer is lost.
  const deaf = { ...door, app: new Proxy(door.app, { get: (app, name) => (name === 'inject' ? async (request: { method: string; url: string }) => { const reply = await app.inject(request as never); if (request.method === 'POST' && request.url.endsWith('/servers') && cuts-- > 0) throw new Error('the connection was cut'); return reply; } : (Reflect.get(app, name) as unknown)) }) };
  cloud.doors.set('two.example', deaf);

  cuts = 1;
  const id = await boot(all, { availability_zone: 'two' });
  await settle();
  assert.equal((await two.driver.servers.list()).length, 1, 'asked again, it says what it did');

  cuts = 2;
  await assert.rejects(boot(all, { availability_zone: 'two' }), (error: Refused) => error.status === 503);
  await two.settle();
  assert.equal((await two.driver.servers.list()).length, 2);
  assert.ok('advance' in cloud.clock);
  (cloud.clock as { advance(ms: number): void }).advance(61_000);
  await settle();
  await settle();
  assert.deepEqual((await two.driver.servers.list()).map((server) => server.id), [id]);
  const unknown = (await cloud.alice.client(broker).decisions.list()).body.decisions.find(({ state }) => state === 'undone');
  assert.equal(unknown?.why, 'The region had made it without saying so; it was deleted.');
});

test('the same idempotency key makes one machine', async (t) => {
  const all = await startTwo(t);
  const { cloud, at, settle } = all;
  const { flavors } = (await at.compute.flavors.list()).body;
  const create = () => at.compute.servers.create({ body: { server: { name: 'one', flavorRef: flavors[0]!.id, imageRef: cloud.imageId, networks: [] } } as never, headers: { 'idempotency-key': 'once' } });
  const [first, second] = [(await create()).body, (await create()).body] as unknown as { server: { id: string } }[];
  await settle();

  assert.equal(first!.server.id, second!.server.id);
  assert.equal((await at.compute.servers.list()).body.servers.length, 1);
});

test('a key that came to nothing may be used again, and then makes one machine', async (t) => {
  const all = await startTwo(t);
  const { at, cloud, observe, settle } = all;
  const { flavors } = (await at.compute.flavors.list()).body;
  const create = () => at.compute.servers.create({ body: { server: { name: 'later', flavorRef: flavors[0]!.id, imageRef: cloud.imageId, networks: [] } } as never, headers: { 'idempotency-key': 'again' } });
  const policies = cloud.alice.client(broker).policy;
  await policies.replace({ body: { policy: { limits: { regions: ['nowhere'] }, preferences: {} } } });
  await assert.rejects(create(), (error: Refused) => error.status === 403);
  await policies.delete();
  await observe();
  const [first, second] = [(await create()).body, (await create()).body] as unknown as { server: { id: string } }[];
  await settle();

  assert.equal(first!.server.id, second!.server.id);
  assert.equal((await at.compute.servers.list()).body.servers.length, 1);
});

test('nothing is there for whoever has no token', async (t) => {
  const { cloud } = await startTwo(t);
  const nobody = createClient(virtualServices[0] as typeof compute, { base: 'http://cloud.example', fetch: cloud.fetch });

  await assert.rejects(nobody.servers.list(), (error: Refused) => error.status === 401);
});
