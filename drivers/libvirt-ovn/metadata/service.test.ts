import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestMetadata, NetworkSpec, PortSpec } from '../../driver.ts';
import { run } from '../command.ts';
import { eventually, HOST, isRoot, startOvn, type Guest } from '../network/ovn.fixture.ts';
import { createMetadataService, type MetadataService } from './service.ts';

const network = (id: string): NetworkSpec => ({
  kind: 'network', id, projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null,
  // The same addresses on both networks: the address alone does not tell who asks.
  subnets: [{ id: `${id}-v4`, version: 4, cidr: '10.9.0.0/24', gateway: '10.9.0.1', dhcp: true, dnsServers: [], hostRoutes: [] }],
  servicePort: { mac: `fa:16:3e:09:0${id.at(-1)}:02`, addresses: [{ subnetId: `${id}-v4`, address: '10.9.0.2' }] },
});

const port = (networkId: string, host: number): PortSpec => ({
  kind: 'port', id: `${networkId}-${host}`, projectId: 'p', generation: 1, networkId, adminUp: true, mac: `fa:16:3e:09:0${networkId.at(-1)}:${host}`,
  addresses: [{ subnetId: `${networkId}-v4`, address: `10.9.0.${host}` }], portSecurity: true, allowedAddressPairs: [], securityGroups: ['open'], hostId: HOST,
});

const described = (name: string): GuestMetadata => ({
  uuid: `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padStart(12, '0').slice(-12)}`, name, hostname: name, projectId: 'p', availabilityZone: 'nova',
  launchIndex: 0, publicKeys: {}, meta: {}, adminPass: null, userData: null, networkData: {}, fixedIps: [], floatingIps: [], securityGroups: [], instanceType: 'm1',
});

test('each guest reads its own metadata and no other, whatever it says about itself (ATTACKS 23)', { skip: !isRoot && 'needs root', timeout: 120_000 }, async (t) => {
  const { driver, guest, layout, local } = await startOvn(t, { externalNumber: 21 });
  const networks = [network('net1'), network('net2')];
  const ports = [port('net1', 11), port('net1', 12), port('net2', 11)];
  await driver.ensure([
    ...networks, ...ports,
    {
      kind: 'security-group', id: 'open', projectId: 'p', generation: 1, stateful: true,
      rules: [{ id: 'out', direction: 'egress', version: 4, protocol: null, portMin: null, portMax: null, remote: { kind: 'any' } }],
    },
  ]);
  const guests = new Map([['net1 10.9.0.11', 'alice'], ['net2 10.9.0.11', 'bob']]);
  const errors: unknown[] = [];
  const start = (): MetadataService =>
    createMetadataService({
      local, cloudId: layout.cloudId, namespace: layout.namespace, onError: (error) => errors.push(error),
      lookup: (networkId, address) => {
        const name = guests.get(`${networkId} ${address}`);
        return name === undefined ? undefined : { metadata: described(name) };
      },
    });
  let service = start();
  // Before the switch goes, which the fixture takes away.
  await using _cleanUp = {
    async [Symbol.asyncDispose]() {
      for (const { id } of networks) await service.removeNetwork(id);
      await service.close();
    },
  };
  const started = performance.now();
  await Promise.all(networks.map((one) => service.ensureNetwork(one)));
  t.diagnostic(`two networks served after ${Math.round(performance.now() - started)} ms`);
  const again = performance.now();
  await service.ensureNetwork(network('net1'));
  t.diagnostic(`once more: ${Math.round(performance.now() - again)} ms`);

  const [alice, stranger, bob] = await Promise.all(
    ports.map(({ id, mac, addresses }) =>
      guest({ portId: id, mac, addresses: [`${addresses[0]?.address}/24`], gateway: '10.9.0.1', routes: [['169.254.169.254/32', '10.9.0.2']] }),
    ),
  ) as [Guest, Guest, Guest];
  await eventually(() => driver.portsUp(ports.map(({ id }) => id)), ports.map(({ id }) => id));
  await driver.barrier();
  const asking = (who: Guest, path = '/openstack/latest/meta_data.json', ...more: string[]): Promise<string> =>
    who.run('curl', '-s', '-m', '3', '-w', ' %{http_code}', ...more, `http://169.254.169.254${path}`).catch(() => 'no answer');
  const nameFor = async (who: Guest): Promise<string> => /"name":"(\w+)"/.exec(await asking(who))?.[1] ?? 'unknown';

  assert.equal(await eventually(() => nameFor(alice), 'alice'), 'alice');
  assert.equal(await eventually(() => nameFor(bob), 'bob'), 'bob', 'the same address on the other network');
  assert.equal((await asking(stranger)).trim(), '404', 'a guest that the host was not told of');
  assert.equal(await asking(alice, '/latest/meta-data/hostname'), 'alice 200');
  assert.equal((await asking(alice, '/latest/meta-data/hostname', '-X', 'POST')).trim(), '405');
  for (const header of ['X-Forwarded-For: 10.9.0.12', 'X-Instance-ID: 1', 'X-Tenant-ID: p'])
    assert.equal((await asking(stranger, '/latest/meta-data/hostname', '-H', header)).trim(), '403', header);
  await stranger.run('ip', 'address', 'add', '10.9.0.11/24', 'dev', 'eth0');
  assert.equal(await asking(stranger, '/latest/meta-data/hostname', '--interface', '10.9.0.11'), 'no answer', "with another guest's address");

  await service.close();
  service = start();
  await service.ensureNetwork(network('net1'));
  assert.equal(await eventually(() => nameFor(alice), 'alice'), 'alice', 'after a restart of the agent');
  await service.removeOthers(['net1']);
  assert.equal((await run('ip', ['netns', 'list'])).split('\n').filter((line) => line.startsWith(`ic-${layout.cloudId}-m`)).length, 1, 'what the last run left for net2 is gone');
  const namespaces = async (): Promise<string[]> =>
    (await run('ip', ['netns', 'list'])).split('\n').map((line) => line.split(' ')[0] ?? '').filter((name) => name.startsWith(`ic-${layout.cloudId}-m`));
  for (const namespace of await namespaces()) await run('ip', ['netns', 'delete', namespace]);
  await Promise.all(networks.map((one) => service.ensureNetwork(one)));
  assert.equal(await eventually(() => nameFor(alice), 'alice'), 'alice', 'after someone deleted its namespace');
  await service.removeOthers(['net1']);
  assert.equal((await namespaces()).length, 2, 'a network that is served is not stray, whoever forgets it');
  await service.removeNetwork('net2');
  assert.equal((await namespaces()).length, 1);
  const changed = network('net1');
  await service.ensureNetwork({ ...changed, generation: 2, servicePort: null });
  assert.deepEqual(await namespaces(), []);
  assert.deepEqual(errors, []);
});
