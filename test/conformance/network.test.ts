/** The stock client, python3-openstackclient, and networks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parsed } from '../../services/network/network.fixture.ts';
import { projectDirty } from '../../services/network/projection.ts';
import { skip, startCloud } from './network-cloud.ts';

test('the stock client builds a network, reaches the outside from it and takes it down again', { skip }, async (t) => {
  const { region, admin, alice } = await startCloud(t);

  await admin('network create public --external --provider-network-type flat --provider-physical-network physnet1');
  await admin('subnet create public-v4 --network public --subnet-range 203.0.113.0/24 --no-dhcp --allocation-pool start=203.0.113.10,end=203.0.113.100');
  const network = await alice('network create -f json lan --description ours --mtu 1400');
  assert.deepEqual([network.name, network.mtu, network.status, network.admin_state_up], ['lan', 1400, 'ACTIVE', true]);
  const subnet = await alice('subnet create -f json lan-v4 --network lan --subnet-range 10.0.0.0/24 --dns-nameserver 9.9.9.9 --host-route destination=10.9.0.0/16,gateway=10.0.0.9');
  assert.deepEqual([subnet.gateway_ip, subnet.dns_nameservers], ['10.0.0.1', ['9.9.9.9']]);
  assert.deepEqual((await alice('network list -f json')).map((each: Parsed) => each.Name).sort(), ['lan', 'public']);
  assert.deepEqual((await alice('network list -f json --external')).map((each: Parsed) => each.Name), ['public']);
  await alice('network set lan --tag blue');
  assert.deepEqual((await alice('network list -f json --tags blue')).map((each: Parsed) => each.ID), [network.id]);

  await alice('router create -f json r');
  await alice('router set r --external-gateway public');
  await alice('router add subnet r lan-v4');
  const router = await alice('router show -f json r');
  assert.deepEqual(router.interfaces_info.map((each: Parsed) => each.ip_address), ['10.0.0.1']);

  const port = await alice('port create -f json p --network lan --fixed-ip subnet=lan-v4,ip-address=10.0.0.50 --allowed-address ip-address=10.0.0.51');
  assert.deepEqual(port.fixed_ips, [{ subnet_id: subnet.id, ip_address: '10.0.0.50' }]);
  await alice('port set p --name q --description web');
  const floating = await alice('floating ip create -f json public --port q');
  assert.equal(floating.fixed_ip_address, '10.0.0.50');
  await projectDirty(region.parts);
  assert.equal((await alice(`floating ip show -f json ${floating.floating_ip_address}`)).status, 'ACTIVE');
  assert.deepEqual(await region.findings(), []);

  await alice(`floating ip unset --port ${floating.floating_ip_address}`);
  await alice(`floating ip delete ${floating.floating_ip_address}`);
  await alice('port delete q');
  await alice('router remove subnet r lan-v4');
  await alice('router unset r --external-gateway');
  await alice('router delete r');
  await alice('subnet delete lan-v4');
  await alice('network delete lan');
  assert.deepEqual((await alice('network list -f json')).map((each: Parsed) => each.Name), ['public']);
  await projectDirty(region.parts);
  assert.deepEqual(await region.findings(), []);
});

test('the stock client guards ports, reads quotas and sees what the cloud can do', { skip }, async (t) => {
  const { admin, alice } = await startCloud(t);

  assert.deepEqual((await alice('security group list -f json')).map((each: Parsed) => each.Name), ['default']);
  const group = await alice('security group create -f json web --description W');
  assert.equal(group.rules.length, 2);
  const rule = await alice('security group rule create -f json web --protocol tcp --dst-port 80:81 --remote-ip 192.0.2.0/24');
  assert.deepEqual([rule.port_range_min, rule.port_range_max, rule.remote_ip_prefix], [80, 81, '192.0.2.0/24']);
  await alice('security group rule create web --protocol icmp --remote-group web');
  assert.equal((await alice('security group rule list -f json web')).length, 4);
  await assert.rejects(alice('security group rule create web --protocol tcp --dst-port 80:81 --remote-ip 192.0.2.0/24'), /Security group rule already exists/);
  await alice(`security group rule delete ${rule.id}`);
  await alice('security group set web --name www');
  await alice('security group delete www');

  const extensions = await alice('extension list -f json --network');
  assert.ok(extensions.some((each: Parsed) => each.Alias === 'standard-attr-tag'));
  await admin('quota set --networks 7 alice');
  assert.deepEqual((await admin('quota list -f json --network')).map((each: Parsed) => each.Networks), [7]);
  await assert.rejects(alice('network create --share theirs'), /disallowed by policy/);
  await assert.rejects(alice('network show nothing'), /No Network found for nothing/);
});
