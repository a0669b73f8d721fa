/** What becomes of ours when the partner, or the way to it, fails: nothing is lost, nothing is there twice without being shown. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test, type TestContext } from 'node:test';
import type { TestCloud } from '../../test/cloud.ts';
import type { Driver, NetworkResource, Quarantined, ServerSpec, VettedImage, VolumeSpec } from '../driver.ts';
import { makeOpenstackDriver } from './openstack.ts';
import { EXTERNAL_CIDR, openRegion, startPartner, type Access, type PartnerFixture } from './partner.fixture.ts';

let started: ReturnType<typeof startPartner> | undefined;
const ending: (() => Promise<void>)[] = [];
after(async () => {
  for (let end = ending.shift(); end; end = ending.shift()) await end();
});

/** One partner for all tests; each has a region of its own there, and so projects of its own. */
async function region(t: TestContext, faults: Faults = {}): Promise<PartnerFixture & { partner: TestCloud; access: Access }> {
  started ??= startPartner({ after: (work) => void ending.push(work) });
  const { partner, access } = await started;
  return { ...(await openRegion(t, { ...access, fetch: faulty(access.fetch!, faults) })), partner, access };
}

/** What happens to a call that creates something, the first time that something of that kind is created. */
const fates = {
  'times out after it has made it': async (send, address, init) => {
    await send(address, init);
    throw new DOMException('timed out', 'TimeoutError');
  },
  'is cut off in the middle of its answer': async (send, address, init) => {
    const { status, headers } = await send(address, init);
    return new Response(new ReadableStream({ pull: (stream) => stream.error(new Error('socket hang up')) }), { status, headers });
  },
  'says 502 after it has made it': async (send, address, init) => {
    await send(address, init);
    return new Response('Bad Gateway', { status: 502 });
  },
  'does not hear the call': async () => {
    throw new TypeError('fetch failed');
  },
  'is asked twice by what lies between': async (send, address, init) => {
    await send(address, init);
    return send(address, init);
  },
} satisfies Record<string, (send: typeof fetch, address: string, init: RequestInit) => Promise<Response>>;

type Fate = keyof typeof fates;
type Faults = { fate?: Fate; /** While true, nothing reaches the partner. */ cut?: () => boolean };

const CREATION = /\/(projects|images|servers|volumes|snapshots|networks|subnets|ports|routers|security-groups|floatingips|os-keypairs)$/;

function faulty(send: typeof fetch, { fate, cut = () => false }: Faults): typeof fetch {
  const seen = new Set<string>();
  return (async (address: string, init: RequestInit = {}) => {
    if (cut()) throw new TypeError('fetch failed');
    const collection = init.method === 'POST' ? CREATION.exec(new URL(address).pathname)?.[1] : undefined;
    if (fate === undefined || collection === undefined || seen.has(collection)) return send(address, init);
    seen.add(collection);
    return fates[fate](send, address, init);
  }) as typeof fetch;
}

for (const fate of Object.keys(fates) as Fate[])
  test(`a partner that ${fate}: each thing is there once, and the rest is quarantined`, { timeout: 120_000 }, async (t) => {
    const { driver, images, partner } = await region(t, { fate });
    const scene = sceneOf(images[0]);

    await build(driver, scene);

    assert.deepEqual(await driver.networks.compare(scene.network), []);
    assert.deepEqual((await driver.servers.list()).map(({ id, power, volumes, nics }) => ({ id, power, volumes, nics })), [{ id: scene.server.id, power: 'running', volumes: [scene.volume.id], nics: [scene.port.id] }]);
    assert.deepEqual((await driver.volumes.list()).snapshots, [{ id: scene.snapshot.id, volumeId: scene.volume.id }]);
    const extra = await driver.quarantine.list();
    assert.equal(extra.length > 0, fate === 'is asked twice by what lies between');
    const remote = await inventory(partner, scene);
    assert.deepEqual(remote.toSorted(), [...THERE, ...extra.map(({ kind }) => kind)].toSorted());
    // Whatever is there too much says which of ours it was to be.
    assert.ok(extra.every(({ says }) => says !== null));

    // A person decides about those, here against them.
    for (const each of extra) await discard(partner, each);
    await partner.settle();
    assert.deepEqual(await driver.quarantine.list(), []);
    await tearDown(driver, scene, images[0]);

    assert.deepEqual(await inventory(partner, scene), []);
    assert.deepEqual(await driver.networks.compare([]), []);
    assert.deepEqual(await driver.quarantine.list(), []);
  });

test('an answer that was lost with the process that waited for it is looked for by the next', { timeout: 60_000 }, async (t) => {
  let isCut = false;
  const { options, access, driver, partner, images } = await region(t, {});
  const send = access.fetch!;
  // The partner makes it and is gone.
  const dying = makeOpenstackDriver({
    ...options,
    fetch: (async (address: string, init: RequestInit = {}) => {
      if (isCut) throw new TypeError('fetch failed');
      const reply = await send(address, init);
      isCut = init.method === 'POST' && /\/servers$/.test(address);
      if (isCut) throw new TypeError('fetch failed');
      return reply;
    }) as typeof fetch,
  });
  const spec = serverOf(await hostOf(driver), images[0], randomUUID().replaceAll('-', ''));
  await assert.rejects(dying.servers.ensure(spec), { name: 'DriverError', kind: 'unavailable' });

  const state = await driver.servers.ensure(spec);

  assert.deepEqual(await driver.servers.list(), [state]);
  assert.deepEqual(await driver.quarantine.list(), []);
  assert.deepEqual(await serversIn(partner, spec.metadata.projectId), [spec.id]);
});

test('what is made or goes while one looks is not taken for nobody’s', { timeout: 60_000 }, async (t) => {
  const { options, access, driver } = await region(t, {});
  const send = access.fetch!;
  const data: VolumeSpec = { id: randomUUID(), projectId: randomUUID().replaceAll('-', ''), generation: 1, sizeGiB: 1, source: { kind: 'empty' } };
  await driver.volumes.ensure(data);
  const other: VolumeSpec = { ...data, id: randomUUID() };
  let isBusy = true;
  const looking = makeOpenstackDriver({
    ...options,
    fetch: (async (address: string, init: RequestInit = {}) => {
      if (!isBusy || !/\/volumes\/detail/.test(address)) return send(address, init);
      isBusy = false;
      await driver.volumes.ensure(other);
      const reply = await send(address, init);
      await driver.volumes.remove({ id: data.id, generation: 2 });
      return reply;
    }) as typeof fetch,
  });

  assert.deepEqual(await looking.quarantine.list(), []);

  assert.equal(isBusy, false);
  await driver.volumes.remove({ id: other.id, generation: 2 });
});

test('a machine that the partner loses is missed, and another is made for who wants it', { timeout: 60_000 }, async (t) => {
  const { driver, images, partner } = await region(t);
  const spec = serverOf(await hostOf(driver), images[0], randomUUID().replaceAll('-', ''));
  await driver.servers.ensure(spec);
  const [lost] = await rawServers(partner, spec.metadata.projectId);
  await partner.admin.compute.servers.delete({ params: { server_id: lost!.id } });
  await partner.settle();

  assert.deepEqual(await driver.servers.list(), []);
  await assert.rejects(driver.servers.reboot({ id: spec.id, hostId: spec.hostId, generation: 1 }), { kind: 'missing' });
  await driver.servers.ensure({ ...spec, generation: 2 });

  const [found] = await rawServers(partner, spec.metadata.projectId);
  assert.notEqual(found!.id, lost!.id);
  assert.deepEqual((await driver.servers.list()).map(({ id }) => id), [spec.id]);
});

test('what somebody else makes in our place is shown, counted to nobody and left alone', { timeout: 60_000 }, async (t) => {
  const { driver, partner } = await region(t);
  const data: VolumeSpec = { id: randomUUID(), projectId: randomUUID().replaceAll('-', ''), generation: 1, sizeGiB: 1, source: { kind: 'empty' } };
  await driver.volumes.ensure(data);
  const place = await placeOf(partner, data.projectId);
  const { network } = (await partner.admin.network.networks.create({ body: { network: { name: 'a stranger', project_id: place } } })).body;

  assert.deepEqual(await driver.quarantine.list(), [{ kind: 'network', remoteId: network?.id, projectId: data.projectId, says: null }]);
  assert.deepEqual(await driver.networks.reconcile([]), []);

  assert.equal((await partner.admin.network.networks.show({ params: { network_id: network?.id ?? '' } })).status, 200);
});

test('each project of ours has a place and a quota of its own there', { timeout: 60_000 }, async (t) => {
  const { driver, partner, options } = await region(t);
  const projects = [randomUUID(), randomUUID()].map((id) => id.replaceAll('-', ''));
  await Promise.all(projects.map((projectId) => driver.volumes.ensure({ id: randomUUID(), projectId, generation: 1, sizeGiB: 1, source: { kind: 'empty' } })));

  const places = await Promise.all(projects.map((projectId) => placeOf(partner, projectId)));
  assert.equal(new Set(places).size, 2);
  for (const place of places) {
    const { quota_set: quota } = (await partner.admin.compute.quotaSets.show({ params: { tenant_id: place } })).body;
    assert.equal(quota.cores, options.capacity.vcpus);
    assert.equal((await partner.admin.volume.volumes.detail({ query: { all_tenants: '1', project_id: place } })).body.volumes.length, 1);
  }
});

test('with an application credential, all that is ours is in its one project', { timeout: 60_000 }, async (t) => {
  const { options, images, partner } = await region(t);
  const { admin } = partner;
  const { application_credential: given } = (await admin.identity.applicationCredentials.create({ params: { user_id: admin.userId }, body: { application_credential: { name: randomUUID() } } })).body;
  const driver = makeOpenstackDriver({ ...options, credential: { kind: 'application-credential', id: given.id, secret: given.secret ?? '' } });
  const specs = await Promise.all([randomUUID(), randomUUID()].map(async (project) => serverOf(await hostOf(driver), images[0], project.replaceAll('-', ''))));

  for (const spec of specs) await driver.servers.ensure(spec);

  const { servers } = (await admin.compute.servers.detail({ query: { all_tenants: '1', project_id: admin.projectId } })).body;
  assert.deepEqual(servers.map(({ metadata }) => metadata['intercloud_tag'] ?? '').toSorted(), specs.map(({ id }) => `intercloud:${id}:1`).toSorted());
  assert.deepEqual((await driver.servers.list()).map(({ id }) => id).toSorted(), specs.map(({ id }) => id).toSorted());
  for (const { id, hostId } of specs) await driver.servers.remove({ id, hostId, generation: 2 });
  await driver.images.forget(images[0]);
  assert.deepEqual(await driver.servers.list(), []);
});

test('a partner that does not answer is unavailable, and soon', { timeout: 10_000 }, async (t) => {
  const { options } = await region(t);
  const silent = makeOpenstackDriver({ ...options, timeoutMs: 100, fetch: (() => new Promise<Response>(() => {})) as typeof fetch });

  await assert.rejects(silent.volumes.ensure({ id: randomUUID(), projectId: 'p', generation: 1, sizeGiB: 1, source: { kind: 'empty' } }), { kind: 'unavailable' });
});

// The scene

const THERE = ['floating-ip', 'image', 'network', 'port', 'router', 'security-group', 'server', 'snapshot', 'subnet', 'volume'];

type Scene = ReturnType<typeof sceneOf>;

/** One of everything, in one project. */
function sceneOf(image: VettedImage) {
  const projectId = randomUUID().replaceAll('-', '');
  const common = { projectId, generation: 1 };
  const subnetId = randomUUID();
  const last = 10 + Math.floor(Math.random() * 200);
  const net = { kind: 'network' as const, id: randomUUID(), ...common, adminUp: true, mtu: 1442, physicalNetwork: null, subnets: [{ id: subnetId, version: 4 as const, cidr: '10.9.0.0/24', gateway: '10.9.0.1', dhcp: true, dnsServers: ['192.0.2.53'], hostRoutes: [] }], servicePort: { mac: 'fa:16:3e:09:00:02', addresses: [{ subnetId, address: '10.9.0.2' }] } };
  const outside = { kind: 'network' as const, id: randomUUID(), ...common, adminUp: true, mtu: 1500, physicalNetwork: 'external', subnets: [], servicePort: null };
  const group = { kind: 'security-group' as const, id: randomUUID(), ...common, stateful: true, rules: [{ id: randomUUID(), direction: 'ingress' as const, version: 4 as const, protocol: 'tcp', portMin: 22, portMax: 22, remote: { kind: 'any' as const } }] };
  const port = { kind: 'port' as const, id: randomUUID(), ...common, networkId: net.id, adminUp: true, mac: 'fa:16:3e:09:00:0a', addresses: [{ subnetId, address: '10.9.0.10' }], portSecurity: true, allowedAddressPairs: [], securityGroups: [group.id], hostId: null };
  const at = (host: number) => EXTERNAL_CIDR.replace('.0/24', `.${host}`);
  const router = { kind: 'router' as const, id: randomUUID(), ...common, adminUp: true, interfaces: [{ portId: randomUUID(), networkId: net.id, mac: 'fa:16:3e:09:00:01', addresses: ['10.9.0.1/24'] }], gateway: { portId: randomUUID(), networkId: outside.id, mac: 'fa:16:3e:09:01:01', addresses: [`${at(last)}/24`], nextHops: [at(1)], snat: true }, routes: [{ destination: '203.0.113.0/24', nextHop: '10.9.0.9' }] };
  const floatingIp = { kind: 'floating-ip' as const, id: randomUUID(), ...common, routerId: router.id, externalAddress: at(last + 20), internalAddress: '10.9.0.10', portId: port.id };
  const volume: VolumeSpec = { id: randomUUID(), ...common, sizeGiB: 1, source: { kind: 'empty' } };
  const snapshot = { id: randomUUID(), ...common, volumeId: volume.id };
  const server = { ...serverOf('', image, projectId), volumes: [{ volumeId: volume.id, device: '/dev/vdb' }], nics: [{ portId: port.id, networkId: net.id, mac: port.mac, mtu: 1442, addresses: ['10.9.0.10'] }] };
  const network: NetworkResource[] = [net, outside, group, port, router, floatingIp];
  return { projectId, image, network, port, volume, snapshot, server };
}

/** As reconcilers do: what is not available now is asked again. */
async function build(driver: Driver, { network, volume, snapshot, server }: Scene): Promise<void> {
  const hostId = await hostOf(driver);
  await again(() => driver.networks.ensure(network));
  await again(() => driver.volumes.ensure(volume));
  await again(() => driver.volumes.ensureSnapshot(snapshot));
  await again(() => driver.servers.ensure({ ...server, hostId }));
}

async function tearDown(driver: Driver, { network, volume, snapshot, server }: Scene, image: VettedImage): Promise<void> {
  const generation = 2;
  await driver.servers.remove({ id: server.id, hostId: await hostOf(driver), generation });
  await driver.volumes.removeSnapshot({ ...snapshot, generation });
  await driver.volumes.remove({ id: volume.id, generation });
  await driver.networks.remove(network.map(({ kind, id }) => ({ kind, id, generation })));
  await driver.images.forget(image);
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 5 || (error as { kind?: string }).kind !== 'unavailable') throw error;
    }
  }
}

async function hostOf(driver: Driver): Promise<string> {
  return (await driver.hosts.list())[0]!.id;
}

function serverOf(hostId: string, image: VettedImage, projectId: string): ServerSpec {
  const id = randomUUID();
  return {
    id, generation: 1, hostId, power: 'running', vcpus: 1, memoryMiB: 64, bootEpoch: 0,
    rootDisk: { kind: 'image', image, sizeGiB: 0, epoch: 0 }, volumes: [], nics: [], configDrive: false,
    metadata: {
      uuid: id, name: 'web', hostname: 'web', projectId, availabilityZone: 'nova', launchIndex: 0,
      publicKeys: { mine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB mine' },
      meta: {}, adminPass: null, userData: null, networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny',
    },
  };
}

// What the partner's operator sees

async function placeOf({ admin }: TestCloud, projectId: string): Promise<string> {
  const { projects } = (await admin.identity.projects.list({ query: { tags: `intercloud:${projectId}:1` } })).body;
  assert.equal(projects.length, 1, `${projects.length} projects there are for ${projectId}`);
  return projects[0]!.id;
}

async function rawServers(partner: TestCloud, projectId: string) {
  const place = await placeOf(partner, projectId);
  return (await partner.admin.compute.servers.detail({ query: { all_tenants: '1', project_id: place } })).body.servers;
}

async function serversIn(partner: TestCloud, projectId: string): Promise<string[]> {
  return (await rawServers(partner, projectId)).map(({ metadata }) => metadata['intercloud_tag']?.split(':')[1] ?? '');
}

async function discard({ admin }: TestCloud, { kind, remoteId: id }: Quarantined): Promise<void> {
  const ways: Record<Quarantined['kind'], () => Promise<unknown>> = {
    server: () => admin.compute.servers.delete({ params: { server_id: id } }),
    volume: () => admin.volume.volumes.delete({ params: { volume_id: id } }),
    snapshot: () => admin.volume.snapshots.delete({ params: { snapshot_id: id } }),
    image: () => admin.image.images.delete({ params: { image_id: id } }),
    network: () => admin.network.networks.delete({ params: { network_id: id } }),
    subnet: () => admin.network.subnets.delete({ params: { subnet_id: id } }),
    router: () => admin.network.routers.delete({ params: { router_id: id } }),
    port: () => admin.network.ports.delete({ params: { port_id: id } }),
    'security-group': () => admin.network.securityGroups.delete({ params: { security_group_id: id } }),
    'floating-ip': () => admin.network.floatingIps.delete({ params: { floatingip_id: id } }),
  };
  await ways[kind]();
}

/** By kind, all that is there of the scene: in its place, and the image that it boots from. */
async function inventory(partner: TestCloud, { projectId, image }: Scene): Promise<string[]> {
  const { admin } = partner;
  const place = await placeOf(partner, projectId);
  const mine = { project_id: [place] };
  const all = { query: { all_tenants: '1', project_id: place } };
  const { images } = (await admin.image.images.list({ query: { limit: '500' } })).body;
  const kinds: Record<string, number> = {
    image: images.filter((each) => (each as Record<string, unknown>)['intercloud_sha256'] === image.sha256).length,
    server: (await admin.compute.servers.detail(all)).body.servers.length,
    volume: (await admin.volume.volumes.detail(all)).body.volumes.length,
    snapshot: (await admin.volume.snapshots.detail(all)).body.snapshots.length,
    network: (await admin.network.networks.list({ query: mine })).body.networks.length,
    subnet: (await admin.network.subnets.list({ query: mine })).body.subnets.length,
    router: (await admin.network.routers.list({ query: mine })).body.routers.length,
    port: (await admin.network.ports.list({ query: mine })).body.ports.filter(({ device_owner: owner = '' }) => !owner.startsWith('network:')).length,
    'security-group': (await admin.network.securityGroups.list({ query: mine })).body.security_groups.filter(({ name }) => name !== 'default').length,
    'floating-ip': (await admin.network.floatingIps.list({ query: mine })).body.floatingips.length,
  };
  return Object.entries(kinds).flatMap(([kind, count]) => Array.from({ length: count }, () => kind)).toSorted();
}
