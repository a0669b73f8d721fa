/** Guests of two hosts on one network: the second host follows the first one's southbound database by a certificate of its own. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { issueCertificate, makeAuthority, makeKeys, type Authority } from '../../../kit/authority.ts';
import type { NetworkResource, PortSpec } from '../../driver.ts';
import { run } from '../command.ts';
import type { TlsFiles } from '../switch-daemons.ts';
import { eventually, HOST, isRoot, startOvn, startOvnHost } from './ovn.fixture.ts';

const OTHER = 'host-2';

test('guests on two hosts reach each other through a tunnel, and the second host may write only what is its own', { skip: !isRoot && 'needs root', timeout: 180_000 }, async (t) => {
  const files = await certificates(t);
  const port = await freePort();
  const first = await startOvn(t, { externalNumber: 71, tunnels: true, southbound: { side: 'serves', port, tls: await files('CN=southbound', 'server') } });
  const own = await files(`CN=${OTHER}`, 'client');
  const second = await startOvnHost(t, { externalNumber: 72, hostId: OTHER, tunnels: true, southbound: { side: 'follows', port, tls: own } });
  await first.driver.ensure([network, group, portOf('p1', 11, HOST), portOf('p2', 12, OTHER)]);

  const here = await first.guest({ portId: 'p1', mac: macOf(11), addresses: ['10.0.1.11/24'] });
  const there = await second.guest({ portId: 'p2', mac: macOf(12), addresses: ['10.0.1.12/24'] });

  assert.equal(await eventually(() => here.reaches('10.0.1.12'), true, 20_000), true);
  assert.equal(await there.reaches('10.0.1.11'), true);
  assert.deepEqual(await eventually(async () => (await first.driver.portsUp(['p1', 'p2'])).toSorted(), ['p1', 'p2']), ['p1', 'p2']);
  await first.driver.ensure([{ ...group, generation: 2, rules: group.rules.filter(({ direction }) => direction === 'egress') }]);
  assert.equal(await eventually(() => here.reaches('10.0.1.12'), false), false, 'rules hold on the other host too');

  const southbound = (tls: TlsFiles, ...args: string[]) =>
    run(second.programs.program('ovn-sbctl'), [`--db=ssl:127.0.0.1:${port}`, `--private-key=${tls.key}`, `--certificate=${tls.certificate}`, `--ca-cert=${tls.authority}`, '--timeout=3', ...args]);
  await southbound(own, 'set', 'Chassis', OTHER, 'external-ids:mark=own');
  await assert.rejects(southbound(own, 'set', 'Chassis', HOST, 'external-ids:mark=foreign'), /RBAC rules for client .{1,2}host-2.{1,2} role .{1,2}ovn-controller.{1,2} prohibit/);
  await assert.rejects(southbound(own, '--all', 'destroy', 'Logical_Flow'), /prohibit/);
  await assert.rejects(southbound(await files(`CN=${OTHER}`, 'client', await makeAuthority({ subject: 'CN=of somebody else', now: new Date(), years: 1 })), 'show'));
});

const network: NetworkResource = {
  kind: 'network', id: 'net1', projectId: 'p', generation: 1, adminUp: true, mtu: 1442, physicalNetwork: null, servicePort: null,
  subnets: [{ id: 'net1-v4', version: 4, cidr: '10.0.1.0/24', gateway: '10.0.1.1', dhcp: true, dnsServers: [], hostRoutes: [] }],
};

const group = {
  kind: 'security-group' as const, id: 'default', projectId: 'p', generation: 1, stateful: true,
  rules: (['egress', 'ingress'] as const).map((direction) => ({ id: direction, direction, version: 4 as const, protocol: 'icmp', portMin: null, portMax: null, remote: { kind: 'any' as const } })),
};

const macOf = (number: number) => `fa:16:3e:00:01:${number}`;

const portOf = (id: string, number: number, hostId: string): PortSpec => ({
  kind: 'port', id, projectId: 'p', generation: 1, networkId: 'net1', adminUp: true, mac: macOf(number), addresses: [{ subnetId: 'net1-v4', address: `10.0.1.${number}` }],
  portSecurity: true, allowedAddressPairs: [], securityGroups: ['default'], hostId,
});

/** Files of a key and a certificate that tells this, from one authority or another. */
async function certificates(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'ic-two-hosts-'));
  t.after(() => rm(folder, { recursive: true }));
  const known = await makeAuthority({ subject: 'CN=hosts of a test', now: new Date(), years: 1 });
  await writeFile(join(folder, 'authority.pem'), known.certificate);
  let made = 0;
  return async (subject: string, use: 'server' | 'client', by: Authority = known): Promise<TlsFiles> => {
    const [key, certificate] = ['key', 'pem'].map((ending) => join(folder, `${made}.${ending}`));
    made++;
    const keys = makeKeys();
    await writeFile(key!, keys.key, { mode: 0o600 });
    await writeFile(certificate!, await issueCertificate(by, { subject, use, publicKey: keys.publicKey, now: new Date(), years: 1 }));
    return { key: key!, certificate: certificate!, authority: join(folder, 'authority.pem') };
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
