/** A cloud of ours whose only region is at a partner's: what users ask of its services becomes so there, and is gone when they delete it. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { bootstrapHome, bootstrapRegion, createApi, createWorker, diagnose, makeCloud, migrateDatabases } from '../../cloud.ts';
import { createClient, type Client } from '../../contract/client.ts';
import { compute } from '../../contract/compute/service.ts';
import type { Service } from '../../contract/contract.ts';
import { identity } from '../../contract/identity/service.ts';
import { image } from '../../contract/image/service.ts';
import { network } from '../../contract/network/service.ts';
import { volume } from '../../contract/volume/service.ts';
import { systemClock, systemRandom } from '../../kit/clock.ts';
import { createLog } from '../../kit/log.ts';
import { passingKey } from '../../services/identity/vault.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { fileBlobStore } from '../../services/image/blobs.ts';
import { fileObjectBodies } from '../../services/object-store/object-store.ts';
import { soundQcow2 } from '../../services/image/intake/corpus.ts';
import { homeSchemas, regionSchemas } from '../../services/services.ts';
import { openOpenstackDriver, type PartnerSettings } from './open.ts';
import { EXTERNAL_CIDR, startPartner, type Access } from './partner.fixture.ts';

test('a user’s server, network, volume and floating address are at the partner, and nothing is when they are deleted', { timeout: 180_000 }, async (t) => {
  const { partner, access } = await startPartner(t);
  const ours = await startOurs(t, access);
  const { admin } = ours;

  const net = (await admin.network.networks.create({ body: { network: { name: 'inside' } } })).body.network!;
  const subnet = (await admin.network.subnets.create({ body: { subnet: { network_id: net.id, ip_version: 4, cidr: '10.20.0.0/24' } } })).body.subnet!;
  const [outside] = (await admin.network.networks.list({ query: { 'router:external': ['true'] } })).body.networks;
  const router = (await admin.network.routers.create({ body: { router: { external_gateway_info: { network_id: outside!.id! } } } })).body.router!;
  await admin.network.routers.addInterface({ params: { router_id: router.id }, body: { subnet_id: subnet.id } });
  const [guest] = (await admin.image.images.list()).body.images;
  const [flavor] = (await admin.compute.flavors.list()).body.flavors;
  const { id: volumeId } = (await admin.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume;
  const created = await admin.compute.servers.create({ body: { server: { name: 'web', imageRef: guest!.id, flavorRef: flavor!.id, networks: [{ uuid: net.id }] } } });
  const { id: serverId } = (created.body as { server: { id: string } }).server;
  await eventually(async () => assert.equal((await admin.compute.servers.show({ params: { server_id: serverId } })).body.server.status, 'ACTIVE'));
  await eventually(async () => assert.equal((await admin.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.status, 'available'));
  await admin.compute.serverVolumes.attach({ params: { server_id: serverId }, body: { volumeAttachment: { volumeId } } });
  const [port] = (await admin.network.ports.list({ query: { device_id: [serverId] } })).body.ports;
  const floating = (await admin.network.floatingIps.create({ body: { floatingip: { floating_network_id: outside!.id!, port_id: port!.id! } } })).body.floatingip!;

  await eventually(async () => {
    const [machine, ...more] = (await partner.admin.compute.servers.detail({ query: { all_tenants: '1' } })).body.servers;
    assert.deepEqual([machine?.status, machine?.name, more.length, machine?.['os-extended-volumes:volumes_attached'].length], ['ACTIVE', 'web', 0, 1]);
    const addresses = Object.values(machine!.addresses).flat().map(({ addr }) => addr);
    assert.deepEqual(addresses.toSorted(), [port!.fixed_ips![0]!.ip_address, floating.floating_ip_address].toSorted());
    const { volumes } = (await admin.volume.volumes.detail({})).body;
    assert.deepEqual(volumes.map(({ status }) => status), ['in-use']);
  });
  await eventually(async () => assert.deepEqual(await ours.differences(), []));
  assert.match((await admin.compute.serverActions.getConsoleOutput({ params: { server_id: serverId }, body: { 'os-getConsoleOutput': {} } })).body.output, /login:/);

  await admin.compute.servers.delete({ params: { server_id: serverId } });
  await eventually(async () => assert.equal((await admin.volume.volumes.show({ params: { volume_id: volumeId } })).body.volume.status, 'available'));
  await admin.volume.volumes.delete({ params: { volume_id: volumeId } });
  await admin.network.floatingIps.delete({ params: { floatingip_id: floating.id } });
  await admin.network.routers.removeInterface({ params: { router_id: router.id }, body: { subnet_id: subnet.id } });
  await admin.network.routers.delete({ params: { router_id: router.id } });
  await eventually(() => admin.network.networks.delete({ params: { network_id: net.id } }));

  await eventually(async () => {
    const all = { query: { all_tenants: '1' } };
    const [servers, volumes, routers, floatingIps] = [(await partner.admin.compute.servers.detail(all)).body.servers, (await partner.admin.volume.volumes.detail(all)).body.volumes, (await partner.admin.network.routers.list()).body.routers, (await partner.admin.network.floatingIps.list()).body.floatingips];
    assert.deepEqual({ servers, volumes, routers, floatingIps }, { servers: [], volumes: [], routers: [], floatingIps: [] });
    assert.deepEqual((await partner.admin.network.networks.list()).body.networks.map(({ name }) => name), ['public']);
    assert.deepEqual(await ours.differences(), []);
  });
  assert.deepEqual(await ours.quarantined(), []);
});

async function startOurs(t: TestContext, access: Access) {
  const [home, regional] = [await testDatabase(t, { migrations: homeSchemas }), await testDatabase(t, { migrations: regionSchemas })];
  const folder = await mkdtemp(join(tmpdir(), 'region-at-partner-'));
  const log = createLog({ name: 'test', level: process.env['TEST_LOG'] === undefined ? 'silent' : 'warn' });
  const blobs = await fileBlobStore(join(folder, 'blobs'));
  const driver = await openOpenstackDriver({ settings: settingsFrom(access), secret: passwordOf(access), database: regional.database, blobs, clock: systemClock, random: systemRandom, fetch: access.fetch! });
  const base = 'http://ours.example';
  const cloud = makeCloud({ databases: { home: home.database, region: regional.database }, region: 'AtPartner', driver, blobs, bodies: await fileObjectBodies(join(folder, 'objects')), clock: systemClock, random: systemRandom, log, cloudKeys: [passingKey(systemRandom)] });
  await migrateDatabases({ home: home.database, region: regional.database });
  const { adminProjectId } = await bootstrapHome(cloud, { adminPassword: 'admin-password', base });
  await cloud.start();
  const door = createApi(cloud, { publicUrl: base, rateLimit: { perSecond: 1e9, burst: 1e9 } });
  await door.app.ready();
  const worker = createWorker(cloud, { pollMs: 50 });
  await worker.start();
  t.after(async () => {
    await worker.stop();
    await cloud.stop();
    await door.drain();
    await driver.close();
    await rm(folder, { recursive: true });
  });
  await bootstrapRegion(cloud, {
    adminProjectId,
    externalNetwork: { cidr: EXTERNAL_CIDR, gateway: EXTERNAL_CIDR.replace('.0/24', '.1'), physicalNetwork: 'external' },
    guestImage: { name: 'cirros', diskFormat: 'qcow2', bytes: oneChunk(soundQcow2()), properties: {} },
  });

  const send: typeof fetch = async (address, init) => {
    const url = new URL(address instanceof Request ? address.url : address);
    const { statusCode: status, rawPayload, headers } = await door.app.inject({ method: (init?.method ?? 'GET') as 'GET', url: `${url.pathname}${url.search}`, headers: init?.headers as Record<string, string>, ...(typeof init?.body === 'string' ? { payload: init.body } : {}) });
    return new Response(status === 204 || status === 304 ? null : new Uint8Array(rawPayload), { status, headers: headers as Record<string, string> });
  };
  const domain = { id: 'default' };
  const reply = await createClient(identity, { base, fetch: send }).tokens.create({
    body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password: 'admin-password' } } }, scope: { project: { id: adminProjectId } } } },
  });
  const token = () => reply.headers.get('x-subject-token') ?? '';
  const client = <S extends Service>(service: S): Client<S> => createClient<Service>(service, { base, token, fetch: send, ...(service.microversions ? { version: service.microversions.max } : {}) }) as unknown as Client<S>;
  return {
    admin: { compute: client(compute), image: client(image), network: client(network), volume: client(volume) },
    quarantined: () => driver.quarantine.list(),
    differences: async () => (await diagnose(cloud, { durable: false })).flatMap(({ id, findings }) => findings.map(({ message }) => `${id}: ${message}`)),
  };
}

function settingsFrom({ authUrl, region, domainId, externalNetwork }: Access): PartnerSettings {
  return {
    authUrl, region, domainId,
    credential: { kind: 'password', user: 'us', userDomain: 'rented' },
    externalNetwork: { id: externalNetwork ?? '', cidr: EXTERNAL_CIDR, gateway: EXTERNAL_CIDR.replace('.0/24', '.1') },
    capacity: { vcpus: 64, memoryMiB: 131_072, diskGiB: 1000 },
  };
}

function passwordOf({ credential }: Access): string {
  assert.equal(credential.kind, 'password');
  return credential.kind === 'password' ? credential.password : '';
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function eventually<T>(look: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await look();
    } catch (cause) {
      if (Date.now() > deadline) throw cause;
    }
    await wait(100);
  }
}
