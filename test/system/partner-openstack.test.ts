/** The driver of partners' clouds against the real thing: OpenStack Zed, whose machines, volumes and switches alone are pretended. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '../../contract/client.ts';
import { identity } from '../../contract/identity/service.ts';
import { network } from '../../contract/network/service.ts';
import { driverSuite } from '../../drivers/driver.suite.ts';
import { makeOpenstackDriver } from '../../drivers/openstack/openstack.ts';
import { openRegion, type Access, type PartnerFixture } from '../../drivers/openstack/partner.fixture.ts';
import { startPeer, whyNoPeer, type Peer } from './peer-openstack.ts';
import { startWholeCloud } from './whole-cloud.ts';

type Partner = { profile: { document: { capabilities: { name: string; state: string }[] } } | null; differences: { there: unknown[]; here: unknown[] } | null };

if (whyNoPeer !== undefined) test('a partner’s real OpenStack', { skip: whyNoPeer }, () => {});
else {
  let opened: PartnerFixture | undefined;
  let zed: Peer | undefined;
  const ending: (() => Promise<void>)[] = [];
  const wholeFile = { after: (work: () => Promise<void>) => void ending.push(work) };

  before(
    async () => {
      const peer = await startPeer((line) => process.stdout.write(`# ${line}\n`));
      zed = peer;
      wholeFile.after(() => peer.stop());
      opened = await openRegion(wholeFile, await accessTo(peer));
    },
    { timeout: 900_000 },
  );
  after(
    async () => {
      for (let end = ending.shift(); end; end = ending.shift()) await end();
    },
    { timeout: 120_000 },
  );

  driverSuite(
    'OpenStack Zed',
    async () => {
      const { driver, images, blobs, reopen } = opened!;
      return { driver, images, blobs, reopen };
    },
    { traits: { timeoutMs: 180_000, moves: false, shares: false, locks: false, opensConsoles: false, bootLine: null, consoleLines: 3, holdsBytes: false, externalCidr: '172.24.5.0/24' } },
  );

  test('OpenStack Zed: what it has made and was not heard to say is there once', { timeout: 180_000 }, async () => {
    const { options, images, driver } = opened!;
    const before = await driver.quarantine.list();
    const lost = new Set<string>();
    const deaf = makeOpenstackDriver({
      ...options,
      fetch: (async (address: string, init: RequestInit = {}) => {
        const reply = await fetch(address, init);
        const made = init.method === 'POST' ? /\/(servers|volumes|networks)$/.exec(address)?.[1] : undefined;
        if (made === undefined || lost.has(made)) return reply;
        lost.add(made);
        throw new TypeError('fetch failed');
      }) as typeof fetch,
    });
    const [common, id, hostId] = [{ projectId: randomUUID().replaceAll('-', ''), generation: 1 }, randomUUID(), (await driver.hosts.list())[0]!.id];
    const net = { kind: 'network' as const, id: randomUUID(), ...common, adminUp: true, mtu: 1400, physicalNetwork: null, subnets: [], servicePort: null };
    const data = { id: randomUUID(), ...common, sizeGiB: 1, source: { kind: 'empty' as const } };
    const metadata = { uuid: id, name: 'web', hostname: 'web', projectId: common.projectId, availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null, networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny' };

    await deaf.networks.ensure([net]);
    await deaf.volumes.ensure(data);
    await deaf.servers.ensure({ id, generation: 1, hostId, power: 'running', vcpus: 1, memoryMiB: 64, bootEpoch: 0, rootDisk: { kind: 'image', image: images[0], sizeGiB: 0, epoch: 0 }, volumes: [{ volumeId: data.id, device: '/dev/vdb' }], nics: [], configDrive: false, metadata });

    assert.deepEqual([...lost].toSorted(), ['networks', 'servers', 'volumes']);
    assert.deepEqual((await driver.servers.list()).map((server) => [server.id, server.volumes]), [[id, [data.id]]]);
    // Whatever else there were in our places would stand here.
    assert.deepEqual(await driver.quarantine.list(), before);
    await driver.servers.remove({ id, hostId, generation: 2 });
    await driver.volumes.remove({ id: data.id, generation: 2 });
    await driver.networks.remove([{ kind: 'network', id: net.id, generation: 2 }]);
    await deaf.close();
  });

  test('OpenStack Zed: a disk that is made anew brings other keys and user data, and a host name needs no new disk', { timeout: 180_000 }, async () => {
    const { images, driver } = opened!;
    const [id, hostId] = [randomUUID(), (await driver.hosts.list())[0]!.id];
    const rootDisk = { kind: 'image' as const, image: images[0], sizeGiB: 0, epoch: 0 };
    const metadata = { uuid: id, name: 'web', hostname: 'web', projectId: randomUUID().replaceAll('-', ''), availabilityZone: 'nova', launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null, networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1.tiny' };
    const spec = { id, generation: 1, hostId, power: 'running' as const, vcpus: 1, memoryMiB: 64, bootEpoch: 0, rootDisk, volumes: [], nics: [], configDrive: false, metadata };
    await driver.servers.ensure(spec);

    const renamed = { ...metadata, name: 'Web', hostname: 'data', meta: { role: 'data' } };
    await driver.servers.ensure({ ...spec, generation: 2, metadata: renamed });
    const publicKeys = { mine: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB mine' };
    await driver.servers.ensure({ ...spec, generation: 3, rootDisk: { ...rootDisk, epoch: 1 }, metadata: { ...renamed, publicKeys, userData: 'I2Nsb3VkLWNvbmZpZw==' } });

    const shown = await rawServer(zed!, id);
    const { intercloud_tag: tag, ...meta } = shown.metadata;
    assert.deepEqual({ name: shown.name, hostname: shown['OS-EXT-SRV-ATTR:hostname'], userData: shown['OS-EXT-SRV-ATTR:user_data'], meta, tagged: tag?.includes(id) }, { name: 'Web', hostname: 'data', userData: 'I2Nsb3VkLWNvbmZpZw==', meta: { role: 'data' }, tagged: true });
    assert.match(shown.key_name ?? '', new RegExp(id));
    await driver.servers.remove({ id, hostId, generation: 4 });
  });

  test('OpenStack Zed: one command makes it a region, in which the stock client works as in any other', { timeout: 400_000 }, async (t) => {
    const before = await held(zed!);
    const cloud = await startWholeCloud({ driver: 'simulated', args: ['--hosts', '1'] });
    t.after(() => cloud.reset());
    const passwordFile = join(dirname(cloud.stateDir), 'partners-password');
    writeFileSync(passwordFile, zed!.adminPassword, { mode: 0o644 });
    const offer = ['--auth-url', zed!.authUrl, '--username', 'admin', '--project', 'admin', '--password-file', passwordFile, '--external-network', opened!.options.externalNetwork ?? '', '--vcpus', '8', '--memory-gib', '16', '--disk-gib', '100'];

    const added = await cloud.intercloud(['partner', 'add', 'zed', ...offer, '-f', 'json'], { timeoutMs: 300_000 });

    assert.equal(added.code, 0, `${added.err}\n${cloud.logs()}`);
    const { profile } = JSON.parse(added.out) as Partner;
    assert.deepEqual(profile?.document.capabilities.map(({ name, state }) => `${name} ${state}`), ['identity', 'image', 'network', 'boot', 'volume', 'delete'].map((name) => `${name} proved`));
    assert.match((await cloud.intercloud(['partner', 'list'])).out, /zed .*all proved .*0 only there, 0 only here/);

    const there = async (...args: string[]) => (await cloud.openstack(['--os-region-name', 'zed', ...args])).trim();
    const told = ['-f', 'value', '-c'];
    await there('network', 'create', 'net');
    await there('subnet', 'create', '--network', 'net', '--subnet-range', '10.20.0.0/24', 'subnet');
    await there('volume', 'create', '--size', '1', 'data');
    assert.equal(await there('server', 'create', '--flavor', 'm1.nano', '--image', 'cirros', '--network', 'net', '--wait', 'web', ...told, 'status'), 'ACTIVE');
    assert.match(await there('console', 'log', 'show', 'web'), /FAKE CONSOLE OUTPUT/, 'what Zed’s machines write');
    await there('server', 'add', 'volume', 'web', 'data');
    // It is attached after the answer.
    for (const deadline = performance.now() + 90_000; (await there('volume', 'show', 'data', ...told, 'status')) !== 'in-use'; ) assert.ok(performance.now() < deadline, 'the volume was not attached');
    const doctor = await cloud.intercloud(['doctor']);
    assert.equal(doctor.code, 0, doctor.out);
    const { differences } = JSON.parse((await cloud.intercloud(['partner', 'show', 'zed', '-f', 'json'])).out) as Partner;
    assert.deepEqual([differences?.there, differences?.here], [[], []]);

    const refused = await cloud.intercloud(['partner', 'remove', 'zed'], { timeoutMs: 200_000 });
    assert.match(refused.err, /zed still holds server web \(.*volume data \(/);
    await there('server', 'delete', '--wait', 'web');
    await there('volume', 'delete', 'data');
    const removed = await cloud.intercloud(['partner', 'remove', 'zed'], { timeoutMs: 200_000 });
    assert.equal(removed.code, 0, removed.err);
    assert.deepEqual(await held(zed!), before);
    const after = await cloud.intercloud(['doctor']);
    assert.equal(after.code, 0, after.out);
  });
}

/** As Zed's operator sees it, in words that are younger than our contract. */
async function rawServer(peer: Peer, id: string) {
  const { at } = await asOperator(peer);
  const { servers } = (await at('compute', '/servers/detail?all_tenants=1', { 'openstack-api-version': 'compute 2.57' })) as { servers: { name: string; key_name: string | null; metadata: Record<string, string>; 'OS-EXT-SRV-ATTR:hostname': string; 'OS-EXT-SRV-ATTR:user_data': string | null }[] };
  const found = servers.find(({ metadata }) => metadata['intercloud_tag']?.includes(id));
  assert.ok(found, `Zed has no machine for ${id}`);
  return found;
}

/** What is there by name, in all projects. */
async function held(peer: Peer): Promise<Record<'servers' | 'volumes' | 'networks' | 'images', string[]>> {
  const { at } = await asOperator(peer);
  type Named = { name: string };
  const names = (list: readonly Named[]) => list.map(({ name }) => name).toSorted();
  const [{ servers }, { volumes }, { networks }, { images }] = [await at('compute', '/servers?all_tenants=1') as { servers: Named[] }, await at('volumev3', '/volumes?all_tenants=1') as { volumes: Named[] }, await at('network', '/v2.0/networks') as { networks: Named[] }, await at('image', '/v2/images?limit=500') as { images: Named[] }];
  return { servers: names(servers), volumes: names(volumes), networks: names(networks), images: names(images) };
}

async function asOperator({ authUrl, adminPassword: password }: Peer) {
  const domain = { name: 'Default' };
  const reply = await createClient(identity, { endpoint: authUrl }).tokens.create({
    body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password } } }, scope: { project: { name: 'admin', domain } } } },
  });
  const token = reply.headers.get('x-subject-token') ?? '';
  return {
    async at(type: string, path: string, headers: Record<string, string> = {}): Promise<unknown> {
      const url = reply.body.token.catalog?.find((service) => service.type === type)?.endpoints.find((each) => each.interface === 'public')?.url ?? '';
      return (await fetch(`${url}${path}`, { headers: { 'x-auth-token': token, ...headers }, signal: AbortSignal.timeout(30_000) })).json();
    },
  };
}

/** What a partner's operator would send us. */
async function accessTo({ authUrl, adminPassword: password, region }: Peer): Promise<Access> {
  const domain = { name: 'Default' };
  const reply = await createClient(identity, { endpoint: authUrl }).tokens.create({
    body: { auth: { identity: { methods: ['password'], password: { user: { name: 'admin', domain, password } } }, scope: { project: { name: 'admin', domain } } } },
  });
  const url = reply.body.token.catalog?.find(({ type }) => type === 'network')?.endpoints[0]?.url ?? '';
  const neutron = createClient(network, { endpoint: `${url}/v2.0`, token: () => reply.headers.get('x-subject-token') ?? '' });
  const { networks } = (await neutron.networks.list({ query: { 'router:external': ['true'] } })).body;
  return { authUrl, region, userDomain: 'Default', domainId: 'default', credential: { kind: 'password', user: 'admin', password, project: { name: 'admin', domain: 'Default' } }, externalNetwork: networks[0]?.id ?? null };
}
