import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';

const mac = 'fa:16:3e:00:00:01';
const own = 'fd00::f816:3eff:fe00:1';

for (const mode of ['slaac', 'dhcpv6-stateless'])
  test(`a guest has the address that its MAC makes in a subnet of ${mode}, whichever came first`, async (t) => {
    const { alice, lan, findings } = await networkFixture(t);
    const { network, subnet: other } = await lan();
    const addresses = async (id: string) => ok(await alice('GET', `/ports/${id}`)).port.fixed_ips.map((each: { ip_address: string }) => each.ip_address);
    const { port: before } = ok(await alice('POST', '/ports', { port: { network_id: network.id, mac_address: mac } }), 201);

    const { subnet } = ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: 'fd00::/64', ipv6_ra_mode: mode, ipv6_address_mode: mode } }), 201);
    assert.deepEqual([subnet.ipv6_ra_mode, subnet.ipv6_address_mode], [mode, mode]);
    assert.ok((await addresses(before.id)).includes(own));
    const { port: after } = ok(await alice('POST', '/ports', { port: { network_id: network.id, mac_address: 'fa:16:3e:00:00:02', fixed_ips: [{ subnet_id: other.id }] } }), 201);
    assert.deepEqual((await addresses(after.id))[1], 'fd00::f816:3eff:fe00:2');
    ok(await alice('PUT', `/ports/${after.id}`, { port: { mac_address: 'fa:16:3e:00:00:03' } }));
    assert.deepEqual((await addresses(after.id))[1], 'fd00::f816:3eff:fe00:3');
    assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id, fixed_ips: [{ subnet_id: subnet.id, ip_address: 'fd00::5' }] } })), [400, 'AllocationOnAutoAddressSubnet']);
    ok(await alice('DELETE', `/subnets/${subnet.id}`), 204);

    assert.equal((await addresses(before.id)).length, 1);
    assert.deepEqual(await findings(), []);
  });

test('the modes of an IPv6 subnet must fit one another, its prefix and DHCP', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const make = (subnet: object) => alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: 'fd00::/64', ...subnet } });

  for (const wrong of [
    { ipv6_ra_mode: 'slaac', ipv6_address_mode: 'dhcpv6-stateful' },
    { ipv6_address_mode: 'slaac', cidr: 'fd00::/80' },
    { ipv6_address_mode: 'slaac', enable_dhcp: false },
    { ipv6_address_mode: 'slaac', ip_version: 4, cidr: '10.7.0.0/24' },
  ])
    assert.deepEqual(refusal(await make(wrong)), [400, 'InvalidInput'], JSON.stringify(wrong));
  assert.deepEqual(refusal(await make({ ipv6_address_mode: 'magic' })), [400, 'HTTPBadRequest']);
  assert.equal(ok(await make({ ipv6_address_mode: 'dhcpv6-stateful' }), 201).subnet.ipv6_ra_mode, null);
});

test('the engine is told how routers announce addresses', async (t) => {
  const { alice, lan, within } = await networkFixture(t);
  const { network } = await lan();
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: 'fd00::/64', ipv6_address_mode: 'slaac' } }), 201);

  const [projected] = await within('admin', ({ tx }) => readProjected(tx, [{ kind: 'network', id: network.id }]));

  assert.ok(projected?.resource?.kind === 'network');
  assert.deepEqual(projected.resource.subnets.map((subnet) => subnet.ipv6Mode), [null, 'slaac']);
});
