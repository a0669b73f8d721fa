import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('a network is made, shown, changed and deleted as Neutron does it', async (t) => {
  const { alice, findings } = await networkFixture(t);

  const { network } = ok(await alice('POST', '/networks', { network: { name: 'lan', description: 'ours' } }), 201);
  assert.deepEqual(network, {
    id: network.id, name: 'lan', description: 'ours', project_id: 'alice-project', tenant_id: 'alice-project', admin_state_up: true, status: 'ACTIVE', shared: false, subnets: [],
    mtu: 1442, dns_domain: '', availability_zone_hints: [], availability_zones: [], port_security_enabled: true, vlan_transparent: false, qos_policy_id: null, ipv4_address_scope: null, ipv6_address_scope: null, 'router:external': false, tags: [], revision_number: 0, created_at: network.created_at, updated_at: network.created_at,
  });
  const { network: renamed } = ok(await alice('PUT', `/networks/${network.id}`, { network: { name: 'LAN' } }));
  assert.deepEqual([renamed.name, renamed.revision_number], ['LAN', 1]);
  ok(await alice('DELETE', `/networks/${network.id}`), 204);
  assert.deepEqual(await alice('GET', `/networks/${network.id}`).then(({ status, body }) => [status, body]), [
    404,
    { NeutronError: { type: 'NetworkNotFound', message: `Network ${network.id} could not be found.`, detail: '' } },
  ]);
  assert.deepEqual(await findings(), []);
});

test('a network of another project looks as if it did not exist, unless it is shared; then it can be seen and not changed', async (t) => {
  const { alice, bob, admin, lan } = await networkFixture(t);
  const { network, subnet } = await lan();

  assert.deepEqual(refusal(await bob('GET', `/networks/${network.id}`)), [404, 'NetworkNotFound']);
  assert.deepEqual(refusal(await bob('POST', '/ports', { port: { network_id: network.id } })), [404, 'NetworkNotFound']);
  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));

  assert.equal(ok(await bob('GET', `/networks/${network.id}`)).network.name, 'lan');
  assert.equal(ok(await bob('GET', `/subnets/${subnet.id}`)).subnet.cidr, '10.0.0.0/24');
  assert.deepEqual(refusal(await bob('PUT', `/networks/${network.id}`, { network: { name: 'mine' } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await bob('DELETE', `/subnets/${subnet.id}`)), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await bob('PUT', `/networks/${network.id}/tags/mine`)), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await bob('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.9.0.0/24' } })), [403, 'PolicyNotAuthorized']);
  const { port } = ok(await bob('POST', '/ports', { port: { network_id: network.id } }), 201);
  assert.equal(port.project_id, 'bob-project');
  assert.deepEqual(refusal(await admin('PUT', `/networks/${network.id}`, { network: { shared: false } })), [409, 'InvalidSharedSetting']);
  // Its network's owner sees that it is there.
  assert.equal(ok(await alice('GET', `/ports/${port.id}`)).port.id, port.id);
  assert.deepEqual(refusal(await alice('DELETE', `/networks/${network.id}`)), [409, 'NetworkInUse']);
});

test('what only administrators may give a network is refused to others by name', async (t) => {
  const { alice, admin, reader, nobody } = await networkFixture(t);

  for (const attribute of ['shared', 'router:external', 'is_default']) {
    const reply = await alice('POST', '/networks', { network: { [attribute]: true } });
    assert.deepEqual([reply.status, reply.body.NeutronError], [403, { type: 'PolicyNotAuthorized', message: `(rule:create_network and rule:create_network:${attribute}) is disallowed by policy`, detail: '' }]);
  }
  assert.equal((await alice('POST', '/networks', { network: { 'provider:physical_network': 'p' } })).status, 403);
  assert.equal((await alice('POST', '/networks', { network: { project_id: 'bob-project' } })).status, 400);
  assert.equal((await reader('POST', '/networks', { network: {} })).status, 403);
  assert.equal((await nobody('GET', '/networks')).status, 401);
  assert.deepEqual(refusal(await alice('POST', '/networks', { network: { nonsense: 1 } })), [400, 'HTTPBadRequest']);
  assert.deepEqual(refusal(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:segmentation_id': 7 } })), [400, 'InvalidInput']);
  const { network } = ok(await admin('POST', '/networks', { network: { project_id: 'bob-project' } }), 201);
  assert.deepEqual([network.project_id, network['provider:network_type']], ['bob-project', 'geneve']);
});

test('lists are filtered, sorted, cut into pages and reduced to fields', async (t) => {
  const { alice, bob, admin } = await networkFixture(t);
  const names = ['a', 'b', 'c', 'd', 'e'];
  ok(await alice('POST', '/networks', { networks: names.map((name) => ({ name })) }), 201);
  ok(await bob('POST', '/networks', { network: { name: 'a' } }), 201);
  const listed = async (query: string) => ok(await alice('GET', `/networks${query}`)).networks.map((each: { name: string }) => each.name);

  assert.deepEqual((await listed('')).toSorted(), names);
  assert.equal(ok(await admin('GET', '/networks?name=a')).networks.length, 2);
  assert.deepEqual(await listed('?name=b&name=d&sort_key=name&sort_dir=desc'), ['d', 'b']);
  assert.deepEqual(await listed('?shared=True'), []);
  assert.deepEqual(ok(await alice('GET', '/networks?name=a&fields=name')).networks, [{ name: 'a' }]);
  assert.deepEqual(refusal(await alice('GET', '/networks?colour=red')), [400, 'HTTPBadRequest']);

  const seen: string[] = [];
  let path = '/networks?limit=2&sort_key=name&sort_dir=desc';
  for (;;) {
    const page = ok(await alice('GET', path));
    seen.push(...page.networks.map((each: { name: string }) => each.name));
    const next = page.networks_links?.find(({ rel }: { rel: string }) => rel === 'next');
    if (!next) break;
    path = next.href.replace('http://cloud.test/network/v2.0', '');
  }
  assert.deepEqual(seen, names.toReversed());
});

test('tags are replaced, added, asked for, removed and found by', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();

  assert.deepEqual(ok(await alice('PUT', `/networks/${network.id}/tags`, { tags: ['red', 'blue'] })), { tags: ['blue', 'red'] });
  assert.equal((await alice('PUT', `/networks/${network.id}/tags/green`)).status, 201);
  assert.equal((await alice('GET', `/networks/${network.id}/tags/green`)).status, 204);
  assert.equal((await alice('DELETE', `/networks/${network.id}/tags/blue`)).status, 204);
  assert.deepEqual(refusal(await alice('GET', `/networks/${network.id}/tags/blue`)), [404, 'TagNotFound']);
  const count = async (query: string) => ok(await alice('GET', `/networks?${query}`)).networks.length;
  assert.deepEqual([await count('tags=red,green'), await count('tags=red,blue'), await count('tags-any=red,blue'), await count('not-tags=red')], [1, 0, 1, 0]);
  assert.deepEqual(ok(await alice('GET', `/networks/${network.id}`)).network.tags, ['green', 'red']);
});

test('quotas hold, and are counted for whom they concern', async (t) => {
  const { alice, admin, findings } = await networkFixture(t);
  ok(await admin('PUT', '/quotas/alice-project', { quota: { network: 1 } }));
  ok(await alice('POST', '/networks', { network: {} }), 201);

  assert.deepEqual(await alice('POST', '/networks', { network: {} }).then(({ status, body }) => [status, body]), [
    409,
    { NeutronError: { type: 'OverQuota', message: "Quota exceeded for resources: ['network'].", detail: '' } },
  ]);
  assert.deepEqual(ok(await alice('GET', '/quotas/alice-project/details.json')).quota.network, { limit: 1, used: 1, reserved: 0 });
  assert.equal(ok(await alice('GET', '/quotas/alice-project/default')).quota.network, 100);
  assert.equal((await alice('GET', '/quotas/bob-project')).status, 403);
  ok(await admin('DELETE', '/quotas/alice-project'), 204);
  assert.equal(ok(await alice('GET', '/quotas/alice-project')).quota.network, 100);
  assert.deepEqual(await findings(), []);
});

test('the subnets of an external network are shown to its owner and administrators only', async (t) => {
  const { alice, admin, external } = await networkFixture(t);
  const { networkId } = await external();
  const { subnets } = ok(await admin('GET', `/subnets?network_id=${networkId}`));
  assert.equal(subnets.length, 1);

  assert.deepEqual(ok(await alice('GET', `/subnets?network_id=${networkId}`)).subnets, []);
  for (const reply of [await alice('GET', `/subnets/${subnets[0].id}`), await alice('PUT', `/subnets/${subnets[0].id}`, { subnet: { name: 'mine' } })])
    assert.deepEqual(refusal(reply), [404, 'SubnetNotFound']);
  // Addresses are taken from them all the same.
  ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: networkId } }), 201);
  ok(await admin('PUT', `/networks/${networkId}`, { network: { shared: true } }));
  assert.equal(ok(await alice('GET', `/subnets?network_id=${networkId}`)).subnets.length, 1);
});

test('what is shown to administrators only finds nothing out for others', async (t) => {
  const { alice, admin, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { 'binding:host_id': 'h1' } }));
  const found = async (ask: typeof alice, path: string) => Object.values<unknown[]>(ok(await ask('GET', path)))[0]!.length;

  for (const [path, matching, other] of [
    [`/networks?id=${network.id}&provider:network_type=`, 'geneve', 'flat'],
    [`/ports?id=${port.id}&binding:host_id=`, 'h1', 'h2'],
  ] as const) {
    assert.deepEqual([await found(admin, path + matching), await found(admin, path + other)], [1, 0]);
    assert.deepEqual([await found(alice, path + matching), await found(alice, path + other)], [1, 1]);
  }
});

test('a network without subnets may have any MTU; with them, one that their version can live with', async (t) => {
  const { alice } = await networkFixture(t);
  const make = async (mtu: number) => ok(await alice('POST', '/networks', { network: { mtu } }), 201).network;
  const subnet = (network_id: string, ip_version: number, cidr: string) => alice('POST', '/subnets', { subnet: { network_id, ip_version, cidr } });
  const tooSmall = [409, 'NetworkMTUSubnetConflict'];

  const tiny = await make(67);
  assert.deepEqual(refusal(await subnet(tiny.id, 4, '10.0.0.0/24')), tooSmall);
  ok(await alice('PUT', `/networks/${tiny.id}`, { network: { mtu: 68 } }));
  ok(await subnet(tiny.id, 4, '10.0.0.0/24'), 201);
  assert.deepEqual(refusal(await alice('PUT', `/networks/${tiny.id}`, { network: { mtu: 67 } })), tooSmall);

  const small = await make(1279);
  assert.deepEqual(refusal(await subnet(small.id, 6, '2001:db8::/64')), tooSmall);
  ok(await alice('PUT', `/networks/${small.id}`, { network: { mtu: 1280 } }));
  ok(await subnet(small.id, 6, '2001:db8::/64'), 201);
  assert.deepEqual(refusal(await alice('PUT', `/networks/${small.id}`, { network: { mtu: 1279 } })), tooSmall);
  assert.equal(ok(await alice('GET', `/networks/${small.id}`)).network.mtu, 1280);
});

test('a marker that is not there is refused among networks, ports and routers, and is none elsewhere', async (t) => {
  const { alice, bob } = await networkFixture(t);
  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: {} }), 201);

  for (const marker of ['nothing', network.id]) {
    assert.deepEqual(refusal(await bob('GET', `/networks?limit=1&marker=${marker}`)), [404, 'NetworkNotFound']);
    assert.deepEqual(refusal(await bob('GET', `/ports?limit=1&marker=${marker}`)), [404, 'PortNotFound']);
    assert.deepEqual(refusal(await bob('GET', `/routers?limit=1&marker=${marker}`)), [404, 'RouterNotFound']);
  }
  // neutron-tempest-plugin’s test_list_pagination_with_href_links asks so behind another’s last page.
  const last = ok(await bob('GET', `/security-groups?limit=1&description=none&marker=${group.id}`));
  assert.deepEqual([last.security_groups, last.security_groups_links.map(({ rel }: { rel: string }) => rel)], [[], ['previous']]);
  assert.equal(ok(await alice('GET', '/security-groups?marker=nothing')).security_groups.length, 2);
});

test('a collection is found with dashes and with underscores in its name', async (t) => {
  const { alice, door } = await networkFixture(t);
  const { router } = ok(await alice('POST', '/routers', { router: {} }), 201);
  // Not through the fixture, which knows them by the names of the contract.
  const statusOf = async (token: string, path: string) => (await door.app.inject({ url: `/network/v2.0${path}`, headers: { 'x-auth-token': token, host: 'cloud.test' } })).statusCode;

  const both = ['/network-segment-ranges', '/network_segment_ranges', '/metering/metering_labels.json', '/security_groups?limit=1', '/qos/rule_types', '/floatingip-pools', '/floatingip_pools', `/routers/${router.id}/l3_agents`];
  for (const path of both) assert.deepEqual([path, await statusOf('admin', path)], [path, 200]);
  for (const path of ['/net-works', '/security.groups', '/security--groups', '/qos_policies', '/qos']) assert.deepEqual([path, await statusOf('alice', path)], [path, 404]);
});
