/** The stock client, python3-openstackclient, and what operators say about networks of everybody. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parsed } from '../../services/network/network.fixture.ts';
import { registerHosts } from '../../services/placement/claims.ts';
import { skip, startCloud } from './network-cloud.ts';

test('the stock client makes flavors of network services and says rates of packets', { skip }, async (t) => {
  const { admin } = await startCloud(t);

  assert.deepEqual(await admin('network service provider list -f json'), [{ 'Service Type': 'L3_ROUTER_NAT', Name: 'ovn', Default: true }]);
  const flavor = await admin('network flavor create -f json --service-type L3_ROUTER_NAT --description ours fast');
  const profile = await admin('network flavor profile create -f json --driver ovn --metainfo x');
  await admin(`network flavor add profile fast ${profile.id}`);
  assert.deepEqual((await admin('network flavor show -f json fast')).service_profile_ids, [profile.id]);
  await admin(`network flavor remove profile fast ${profile.id}`);
  await admin(`network flavor profile set ${profile.id} --description theirs`);
  assert.deepEqual((await admin('network flavor profile list -f json')).map((each: Parsed) => each.Description), ['theirs']);
  await admin('network flavor set fast --disable');
  assert.deepEqual((await admin('network flavor list -f json')).map((each: Parsed) => [each.ID, each.Enabled]), [[flavor.id, false]]);
  await admin(`network flavor profile delete ${profile.id}`);
  await admin('network flavor delete fast');

  await admin('network qos policy create calm');
  const rule = await admin('network qos rule create -f json calm --type minimum-packet-rate --min-kpps 5 --any');
  assert.deepEqual([rule.min_kpps, rule.direction], [5, 'any']);
  await admin(`network qos rule set calm ${rule.id} --min-kpps 6`);
  assert.equal((await admin(`network qos rule show -f json calm ${rule.id}`)).min_kpps, 6);
  await admin(`network qos rule delete calm ${rule.id}`);
});

test('the stock client has packets written down', { skip }, async (t) => {
  const { admin } = await startCloud(t);

  assert.deepEqual(await admin('network loggable resources list -f json'), [{ 'Supported types': 'security_group' }]);
  await admin('security group create watched');
  const log = await admin('network log create -f json --resource-type security_group --resource watched --event drop --enable told');
  assert.deepEqual([log.Name, log.Event, log.Enabled], ['told', 'DROP', true]);
  await admin('network log set --disable told');
  assert.deepEqual((await admin('network log list -f json')).map((each: Parsed) => [each.Name, each.Enabled]), [['told', false]]);
  assert.equal((await admin('network log show -f json told')).Enabled, false);
  await admin('network log delete told');
});

test('the stock client moves a router from agent to agent', { skip }, async (t) => {
  const { region, admin } = await startCloud(t);
  await region.database.transaction({ kind: 'system', reason: 'test' }, async (tx) => registerHosts(tx, await region.driver.hosts.list(), new Date()));
  await region.external();

  await admin('router create way');
  await admin('router set way --external-gateway public');
  const [agent] = await admin('network agent list -f json --router way');
  assert.equal(agent['Agent Type'], 'OVN Controller Gateway agent');
  await admin(`network agent remove router --l3 ${agent.ID} way`);
  assert.deepEqual(await admin('network agent list -f json --router way'), []);
  await admin(`network agent add router --l3 ${agent.ID} way`);
  assert.deepEqual((await admin(`router list -f json --agent ${agent.ID}`)).map((each: Parsed) => each.Name), ['way']);
});

test('the stock client makes ranges of numbers for networks', { skip }, async (t) => {
  const { admin } = await startCloud(t);

  await admin('network segment range create --shared --network-type vlan --physical-network physnet1 --minimum 10 --maximum 12 halls');
  const network = await admin('network create -f json hall --provider-network-type vlan --provider-physical-network physnet1');
  assert.equal(network['provider:segmentation_id'], 10);
  await admin('network segment range set --name rooms --minimum 9 --maximum 20 halls');
  assert.deepEqual((await admin('network segment range list -f json')).map((each: Parsed) => each.Name).toSorted(), ['', 'rooms']);
  assert.equal((await admin('network segment range show -f json rooms')).maximum, 20);
  await admin('network delete hall');
  await admin('network segment range delete rooms');
});

test('the stock client has traffic counted by labels', { skip }, async (t) => {
  const { admin } = await startCloud(t);

  const label = await admin('network meter create -f json --description web --share web');
  assert.deepEqual([label.name, label.description, label.shared], ['web', 'web', true]);
  const rule = await admin('network meter rule create -f json --egress --source-ip-prefix 10.0.0.0/24 --destination-ip-prefix 198.51.100.0/24 web');
  assert.deepEqual([rule.direction, rule.source_ip_prefix, rule.metering_label_id], ['egress', '10.0.0.0/24', label.id]);
  await admin('network meter rule create --exclude --ingress --remote-ip-prefix 10.0.0.7/32 web');
  assert.deepEqual((await admin('network meter rule list -f json')).map((each: Parsed) => each.Direction).toSorted(), ['egress', 'ingress']);
  await admin(`network meter rule delete ${rule.id}`);
  assert.deepEqual((await admin('network meter list -f json')).map((each: Parsed) => each.Name), ['web']);
  await admin('network meter delete web');
  assert.deepEqual(await admin('network meter rule list -f json'), []);
});

test('the stock client bounds what goes through floating addresses and out of routers', { skip }, async (t) => {
  const { admin, region } = await startCloud(t);
  await region.external();

  const policy = await admin('network qos policy create -f json --share slow');
  await admin('network qos rule create slow --type bandwidth-limit --max-kbps 1000 --egress');
  const address = await admin('floating ip create -f json --qos-policy slow public');
  assert.equal(address.qos_policy_id, policy.id);
  await admin(`floating ip unset --qos-policy ${address.id}`);
  assert.equal((await admin(`floating ip show -f json ${address.id}`)).qos_policy_id, null);
  await admin(`floating ip set --qos-policy slow ${address.id}`);
  await admin('router create way');
  await admin('router set way --external-gateway public --qos-policy slow');
  assert.equal((await admin('router show -f json way')).external_gateway_info.qos_policy_id, policy.id);
  await admin('router unset way --qos-policy');
  assert.equal((await admin('router show -f json way')).external_gateway_info.qos_policy_id ?? null, null);
});
