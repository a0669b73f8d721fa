import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok } from './network.fixture.ts';

test('administrators see how many addresses there are and how many are taken, to the last one', async (t) => {
  const { alice, admin, lan, door } = await networkFixture(t);
  const { network, subnet } = await lan();
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 6, cidr: 'fd00::/64', ipv6_ra_mode: 'dhcpv6-stateful', ipv6_address_mode: 'dhcpv6-stateful' } }), 201);
  ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);

  const { network_ip_availability: seen } = ok(await admin('GET', `/network-ip-availabilities/${network.id}`));
  const [four, six] = seen.subnet_ip_availability;
  assert.deepEqual([seen.network_name, seen.project_id, four.subnet_id, four.total_ips, four.used_ips, six.ip_version, six.used_ips], ['lan', 'alice-project', subnet.id, 253, seen.used_ips - six.used_ips, 6, six.used_ips]);
  const plain = await door.app.inject({ method: 'GET', url: `/network/v2.0/network-ip-availabilities?ip_version=6&network_id=${network.id}`, headers: { 'x-auth-token': 'admin', host: 'cloud.test' } });
  assert.match(plain.body, /"total_ips":18446744073709551614,"used_ips":\d+,"subnet_ip_availability":\[\{[^}]*"total_ips":18446744073709551614/);
  assert.equal((await alice('GET', `/network-ip-availabilities/${network.id}`)).status, 403);
});
