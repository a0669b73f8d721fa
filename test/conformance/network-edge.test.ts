/** The stock client, python3-openstackclient, and what networks have beyond ports, routers and groups. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parsed } from '../../services/network/network.fixture.ts';
import { registerHosts } from '../../services/placement/claims.ts';
import { skip, startCloud } from './network-cloud.ts';

test('the stock client leads ports of a floating address to a port', { skip }, async (t) => {
  const { admin, alice } = await startCloud(t);
  await admin('network create public --external --provider-network-type flat --provider-physical-network physnet1');
  await admin('subnet create public-v4 --network public --subnet-range 203.0.113.0/24 --no-dhcp');
  await alice('network create lan');
  await alice('subnet create lan-v4 --network lan --subnet-range 10.0.0.0/24');
  await alice('router create r --external-gateway public');
  await alice('router add subnet r lan-v4');
  const port = await alice('port create -f json p --network lan --fixed-ip ip-address=10.0.0.50');
  const address = (await alice('floating ip create -f json public')).floating_ip_address;

  const made = await alice(`floating ip port forwarding create -f json ${address} --port p --internal-ip-address 10.0.0.50 --internal-protocol-port 22 --external-protocol-port 2222 --protocol tcp --description ssh`);
  assert.deepEqual([made.internal_port_id, made.internal_port, made.external_port, made.protocol, made.description], [port.id, 22, 2222, 'tcp', 'ssh']);
  assert.deepEqual((await alice(`floating ip port forwarding list -f json ${address}`)).map((each: Parsed) => each['External Port']), [2222]);
  await alice(`floating ip port forwarding set ${address} ${made.id} --external-protocol-port 2223`);
  assert.equal((await alice(`floating ip port forwarding show -f json ${address} ${made.id}`)).external_port, 2223);
  await alice(`floating ip port forwarding delete ${address} ${made.id}`);
  assert.deepEqual(await alice(`floating ip port forwarding list -f json ${address}`), []);
});

test('the stock client puts ports on a trunk and takes them off', { skip }, async (t) => {
  const { alice } = await startCloud(t);
  await alice('network create lan');
  for (const name of ['parent', 'child', 'other']) await alice(`port create ${name} --network lan`);

  const trunk = await alice('network trunk create -f json t --parent-port parent --subport port=child,segmentation-type=vlan,segmentation-id=101');
  assert.equal(trunk.sub_ports.length, 1);
  await alice('network trunk set t --name u --subport port=other,segmentation-type=vlan,segmentation-id=102');
  assert.deepEqual((await alice('network subport list -f json --trunk u')).map((each: Parsed) => each['Segmentation ID']), [101, 102]);
  assert.equal((await alice('port show -f json parent')).trunk_details.trunk_id, trunk.id);
  await alice('network trunk unset u --subport child');
  assert.deepEqual((await alice('network trunk list -f json')).map((each: Parsed) => each.Name), ['u']);
  await alice('network trunk delete u');
});

test('the stock client sees agents and zones, names ports and says what their guests are told by DHCP', { skip }, async (t) => {
  const { region, admin, alice } = await startCloud(t);
  const hosts = await region.driver.hosts.list();
  await region.database.transaction({ kind: 'system', reason: 'test' }, (tx) => registerHosts(tx, hosts, new Date()));

  const agents = await admin('network agent list -f json');
  assert.deepEqual(agents.map((each: Parsed) => [each['Agent Type'], each.Alive]), [['OVN Controller Gateway agent', true], ['OVN Metadata agent', true]]);
  assert.deepEqual((await alice('availability zone list -f json --network --long')).map((each: Parsed) => each['Zone Resource']), ['network', 'router']);
  assert.equal((await alice('network create -f json lan --availability-zone-hint nova --dns-domain lan.example. --transparent-vlan')).is_vlan_transparent, true);
  const port = await alice('port create -f json p --network lan --dns-name web --extra-dhcp-option name=bootfile-name,value=pxelinux.0');
  assert.deepEqual([port.dns_name, port.extra_dhcp_opts], ['web', [{ opt_name: 'bootfile-name', opt_value: 'pxelinux.0', ip_version: 4 }]]);
});

test('the stock client shows segments of networks in VLANs, and wishes for routers in zones', { skip }, async (t) => {
  const { region, admin, alice } = await startCloud(t);
  await region.database.transaction({ kind: 'system', reason: 'test' }, async (tx) => registerHosts(tx, await region.driver.hosts.list(), new Date()));

  const network = await admin('network create -f json hall --provider-network-type vlan --provider-physical-network physnet1 --provider-segment 101');
  assert.equal(network['provider:segmentation_id'], 101);
  const [segment] = await admin('network segment list -f json');
  assert.deepEqual([segment['Network Type'], segment.Segment], ['vlan', 101]);
  await admin('network segment create -f json --network hall --network-type vlan --physical-network physnet2 --segment 102 second');
  assert.equal((await admin('network show -f json hall')).segments.length, 2);
  await admin('network segment delete second');
  await admin('network set hall --provider-segment 103');
  assert.equal((await admin('network show -f json hall'))['provider:segmentation_id'], 103);
  await admin(`network segment set ${segment.ID} --name rack`);
  assert.equal((await admin('network segment show -f json rack')).network_id, network.id);
  assert.deepEqual((await alice('router create -f json r --availability-zone-hint nova')).availability_zone_hints, ['nova']);
});

test('the stock client lets ports answer to addresses on their hosts', { skip }, async (t) => {
  const { alice } = await startCloud(t);
  await alice('network create lan');
  await alice('subnet create --network lan --subnet-range 10.1.0.0/24 lan-subnet');
  const port = await alice('port create -f json p --network lan');

  const localIp = await alice('local ip create -f json --name near --network lan --local-ip-address 10.1.0.77');
  assert.deepEqual([localIp.local_ip_address, localIp.ip_mode], ['10.1.0.77', 'translate']);
  assert.equal((await alice('local ip association create -f json near p')).fixed_ip, port.fixed_ips[0].ip_address);
  assert.deepEqual((await alice('local ip association list -f json near')).map((each: Parsed) => each['Fixed port ID']), [port.id]);
  await alice('local ip set near --name far');
  await alice(`local ip association delete far ${port.id}`);
  await alice('local ip delete far');
  assert.deepEqual(await alice('local ip list -f json'), []);
});
