/** The driver of partners' clouds against the real thing: OpenStack Zed, whose machines, volumes and switches alone are pretended. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createClient } from '../../contract/client.ts';
import { identity } from '../../contract/identity/service.ts';
import { network } from '../../contract/network/service.ts';
import { driverSuite } from '../../drivers/driver.suite.ts';
import { makeOpenstackDriver } from '../../drivers/openstack/openstack.ts';
import { openRegion, type Access, type PartnerFixture } from '../../drivers/openstack/partner.fixture.ts';
import { startPeer, whyNoPeer, type Peer } from './peer-openstack.ts';

if (whyNoPeer !== undefined) test('a partner’s real OpenStack', { skip: whyNoPeer }, () => {});
else {
  let opened: PartnerFixture | undefined;
  const ending: (() => Promise<void>)[] = [];
  const wholeFile = { after: (work: () => Promise<void>) => void ending.push(work) };

  before(
    async () => {
      const peer = await startPeer((line) => process.stdout.write(`# ${line}\n`));
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
    { traits: { timeoutMs: 180_000, moves: false, bootLine: null, consoleLines: 3, holdsBytes: false, externalCidr: '172.24.5.0/24' } },
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
