import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

test("what a port's guest is told by DHCP is added, changed and taken away as Neutron does it", async (t) => {
  const { alice, lan, database, parts, findings } = await networkFixture(t);
  const { network } = await lan();
  const boot = { opt_name: 'bootfile-name', opt_value: 'pxelinux.0' };
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, extra_dhcp_opts: [boot, { opt_name: '150', opt_value: '192.0.2.1' }, { opt_name: 'router', opt_value: '' }] } }), 201);
  assert.deepEqual(port.extra_dhcp_opts, [{ ...boot, ip_version: 4 }, { opt_name: '150', opt_value: '192.0.2.1', ip_version: 4 }, { opt_name: 'router', opt_value: '', ip_version: 4 }]);
  const options = async () => ((await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id: port.id }])))[0]!.resource as PortSpec).dhcpOptions;
  assert.deepEqual(await options(), [{ version: 4, name: 'bootfile-name', value: 'pxelinux.0' }, { version: 4, name: 'tftp-server-address', value: '192.0.2.1' }, { version: 4, name: 'router', value: '' }]);

  const change = async (...extra_dhcp_opts: object[]) => ok(await alice('PUT', `/ports/${port.id}`, { port: { extra_dhcp_opts } })).port.extra_dhcp_opts;
  assert.deepEqual(await change({ opt_name: '150', opt_value: null }, { opt_name: 'router', opt_value: null }, { ...boot, opt_value: 'other' }, { opt_name: 'dns-server', opt_value: '2001:db8::1', ip_version: '6' }), [
    { opt_name: 'bootfile-name', opt_value: 'other', ip_version: 4 }, { opt_name: 'dns-server', opt_value: '2001:db8::1', ip_version: 6 },
  ]);
  assert.deepEqual((await change()).length, 2, 'what is not named stays');
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('an option that would not reach the guest is refused', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const refused = async (opt_name: string, opt_value: string, ip_version = 4) => refusal(await alice('POST', '/ports', { port: { network_id: network.id, extra_dhcp_opts: [{ opt_name, opt_value, ip_version }] } }));
  for (const [name, value, version] of [
    ['client-id', 'x'], ['mtu', '65536'], ['mtu', 'large'], ['dns-server', '10.0.0.1, nobody'], ['bootfile-name', 'a"b'], ['bootfile-name', 'a\nb'], ['classless-static-route', '10.0.0.0/8'],
    ['mtu', '1400', 6], ['constructor', 'x'], ['ip-forward-enable', 'yes'],
  ] as const) assert.deepEqual(await refused(name, value, version), [400, 'HTTPBadRequest'], `${name} ${value}`);
  for (const [name, value] of [['mtu', '1400'], ['121', '{10.0.0.0/8,10.0.0.1, 0.0.0.0/0,10.0.0.2}'], ['tftp-server', 'boot.example'], ['dhcp_disabled', 'true']])
    ok(await alice('POST', '/ports', { port: { network_id: network.id, extra_dhcp_opts: [{ opt_name: name, opt_value: value }] } }), 201);
});
