import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FloatingIpSpec, PortSpec, RouterSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

const policyOf = async (ask: Ask, wish: object = {}) => ok(await ask('POST', '/qos/policies', { policy: wish }), 201).policy;

const enforced = ['bandwidth_limit', 'dscp_marking'];

test('a policy carries tags, where neutron has them and where the SDK looks', async (t) => {
  const { admin } = await networkFixture(t);
  const { id } = await policyOf(admin);

  ok(await admin('PUT', `/qos/policies/${id}/tags`, { tags: ['blue'] }));
  ok(await admin('PUT', `/policies/${id}/tags/green`), 201);

  assert.deepEqual(ok(await admin('GET', `/qos/policies/${id}`)).policy.tags, ['blue', 'green']);
  assert.deepEqual(ok(await admin('GET', '/qos/policies?tags=green')).policies.map((each: { id: string }) => each.id), [id]);
  assert.deepEqual(ok(await admin('GET', '/qos/policies?not-tags=green')).policies, []);
});

test('a policy and its rules are made, shown, changed and deleted as Neutron does it', async (t) => {
  const { admin, alice } = await networkFixture(t);
  assert.equal((await alice('POST', '/qos/policies', { policy: { name: 'mine' } })).status, 403);
  const policy = await policyOf(admin, { name: 'slow', shared: true });
  assert.deepEqual(policy, {
    id: policy.id, name: 'slow', description: '', project_id: 'admin-project', tenant_id: 'admin-project', shared: true, is_default: false, rules: [], tags: [], revision_number: 0,
    created_at: policy.created_at, updated_at: policy.created_at,
  });
  const rules = `/qos/policies/${policy.id}`;
  const { bandwidth_limit_rule: limit } = ok(await admin('POST', `${rules}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: '1000' } }), 201);
  assert.deepEqual(limit, { id: limit.id, max_kbps: 1000, max_burst_kbps: 0, direction: 'egress' });
  assert.deepEqual(refusal(await admin('POST', `${rules}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 7 } })), [409, 'QoSRulesConflict']);
  ok(await admin('POST', `${rules}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 7, direction: 'ingress' } }), 201);
  const { dscp_marking_rule: mark } = ok(await admin('POST', `${rules}/dscp_marking_rules`, { dscp_marking_rule: { dscp_mark: 46 } }), 201);
  assert.deepEqual(refusal(await admin('POST', `${rules}/dscp_marking_rules`, { dscp_marking_rule: { dscp_mark: 47 } })), [400, 'HTTPBadRequest']);
  assert.deepEqual(refusal(await admin('POST', `${rules}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps: 1001 } })), [409, 'QoSRuleParameterConflict']);

  assert.equal(ok(await admin('PUT', `${rules}/bandwidth_limit_rules/${limit.id}`, { bandwidth_limit_rule: { max_burst_kbps: 500 } })).bandwidth_limit_rule.max_burst_kbps, 500);
  assert.equal(ok(await admin('PUT', `/qos/alias_dscp_marking_rules/${mark.id}`, { dscp_marking_rule: { dscp_mark: 10 } })).dscp_marking_rule.dscp_mark, 10);
  assert.deepEqual(ok(await alice('GET', `/qos/policies/${policy.id}`)).policy.rules.map(({ type }: { type: string }) => type), ['bandwidth_limit', 'bandwidth_limit', 'dscp_marking']);
  assert.equal(ok(await alice('GET', `${rules}/bandwidth_limit_rules`)).bandwidth_limit_rules.length, 2);
  ok(await admin('DELETE', `/qos/alias_dscp_marking_rules/${mark.id}`), 204);
  assert.deepEqual(refusal(await admin('GET', `${rules}/dscp_marking_rules/${mark.id}`)), [404, 'QosRuleNotFound']);
  const types = async (query: string): Promise<string[]> => ok(await alice('GET', `/qos/rule-types${query}`)).rule_types.map((each: { type: string }) => each.type);
  assert.deepEqual([await types(''), await types('?all_supported=True'), await types('?all_rules=False')], [enforced, enforced, enforced]);
  assert.deepEqual((await types('?all_rules=True')).toSorted(), ['bandwidth_limit', 'dscp_marking', 'minimum_bandwidth', 'minimum_packet_rate', 'packet_rate_limit']);
  assert.deepEqual(refusal(await alice('GET', '/qos/rule-types?all_rules=perhaps')), [400, 'InvalidInput']);
  ok(await admin('DELETE', `/qos/policies/${policy.id}`), 204);
});

test('the engine bounds a port by its own policy, or by its network’s, as the rules change', async (t) => {
  const { admin, alice, lan, database, findings } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const told = async () => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id: port.id }]));
    return (projected!.resource as PortSpec).qos;
  };
  const generation = async () => (await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id: port.id }])))[0]!.generation;
  assert.equal(await told(), null);

  const [slow, marked] = [await policyOf(admin, { shared: true }), await policyOf(admin, { shared: true })];
  ok(await admin('POST', `/qos/policies/${slow.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 1000 } }), 201);
  ok(await admin('POST', `/qos/policies/${marked.id}/dscp_marking_rules`, { dscp_marking_rule: { dscp_mark: 46 } }), 201);
  const before = await generation();
  ok(await admin('PUT', `/networks/${network.id}`, { network: { qos_policy_id: slow.id } }));
  assert.ok((await generation()) > before);
  assert.deepEqual(await told(), { limits: [{ direction: 'egress', kbps: 1000, burstKbps: 0 }], dscp: null });
  assert.deepEqual(ok(await alice('GET', `/ports/${port.id}`)).port.qos_network_policy_id, slow.id);

  ok(await alice('PUT', `/ports/${port.id}`, { port: { qos_policy_id: marked.id } }));
  assert.deepEqual(await told(), { limits: [], dscp: 46 });
  const changed = await generation();
  ok(await admin('POST', `/qos/policies/${marked.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 5, direction: 'ingress' } }), 201);
  assert.ok((await generation()) > changed);
  assert.deepEqual(await told(), { limits: [{ direction: 'ingress', kbps: 5, burstKbps: 0 }], dscp: 46 });
  assert.deepEqual(refusal(await admin('DELETE', `/qos/policies/${marked.id}`)), [409, 'QosPolicyInUse']);
  ok(await alice('PUT', `/ports/${port.id}`, { port: { qos_policy_id: null } }));
  ok(await admin('DELETE', `/qos/policies/${marked.id}`), 204);
  assert.deepEqual(await findings(), []);
});

test('a rule that nothing would enforce is not given to anything', async (t) => {
  const { admin, alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const policy = await policyOf(admin, { shared: true });
  const rule = { minimum_bandwidth_rule: { min_kbps: 100 } };
  ok(await admin('POST', `/qos/policies/${policy.id}/minimum_bandwidth_rules`, rule), 201);
  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id, qos_policy_id: policy.id } })), [409, 'QosRuleNotSupported']);
  assert.deepEqual(refusal(await admin('PUT', `/networks/${network.id}`, { network: { qos_policy_id: policy.id } })), [409, 'QosRuleNotSupportedByNetwork']);
  const used = await policyOf(admin, { shared: true });
  ok(await admin('PUT', `/networks/${network.id}`, { network: { qos_policy_id: used.id } }));
  assert.deepEqual(refusal(await admin('POST', `/qos/policies/${used.id}/minimum_bandwidth_rules`, rule)), [409, 'QosRuleNotSupportedByNetwork']);
});

test('networks that say nothing have their project’s default policy', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const policy = await policyOf(admin, { is_default: true, project_id: 'alice-project' });
  assert.deepEqual(refusal(await admin('POST', '/qos/policies', { policy: { is_default: true, project_id: 'alice-project' } })), [409, 'QoSPolicyDefaultAlreadyExists']);
  assert.equal(ok(await alice('POST', '/networks', { network: {} }), 201).network.qos_policy_id, policy.id);
  assert.equal(ok(await alice('POST', '/networks', { network: { qos_policy_id: null } }), 201).network.qos_policy_id, null);
});

test('rates of packets can be said, and a policy that says them is given to nothing, as nothing would enforce it', async (t) => {
  const { admin, alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const policy = await policyOf(admin, { shared: true });
  const rules = `/qos/policies/${policy.id}`;
  const { packet_rate_limit_rule: limit } = ok(await admin('POST', `${rules}/packet_rate_limit_rules`, { packet_rate_limit_rule: { max_kpps: '10' } }), 201);
  assert.deepEqual(limit, { id: limit.id, max_kpps: 10, max_burst_kpps: 0, direction: 'egress' });
  assert.deepEqual(refusal(await admin('POST', `${rules}/packet_rate_limit_rules`, { packet_rate_limit_rule: { max_kpps: 1 } })), [409, 'QoSRulesConflict']);
  const { minimum_packet_rate_rule: least } = ok(await admin('POST', `${rules}/minimum_packet_rate_rules`, { minimum_packet_rate_rule: { min_kpps: 1, direction: 'any' } }), 201);
  assert.deepEqual(refusal(await admin('POST', `${rules}/minimum_packet_rate_rules`, { minimum_packet_rate_rule: { min_kpps: 1 } })), [409, 'QoSRuleParameterConflict']);
  assert.equal(ok(await admin('PUT', `/qos/alias_minimum_packet_rate_rules/${least.id}`, { minimum_packet_rate_rule: { min_kpps: 2 } })).minimum_packet_rate_rule.min_kpps, 2);
  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id, qos_policy_id: policy.id } })), [409, 'QosRuleNotSupported']);
  ok(await admin('DELETE', `${rules}/packet_rate_limit_rules/${limit.id}`), 204);
  ok(await admin('DELETE', `${rules}/minimum_packet_rate_rules/${least.id}`), 204);
  ok(await alice('POST', '/ports', { port: { network_id: network.id, qos_policy_id: policy.id } }), 201);
});

test('a floating address and a way out have policies of their own, or what their network says, as long as something goes through them', async (t) => {
  const { admin, alice, bob, external, lan, database, parts, findings } = await networkFixture(t);
  await external();
  const [{ id: publicId }] = ok(await alice('GET', '/networks?name=public')).networks;
  const { network, subnet } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const [slow, slower] = [await policyOf(admin, { shared: true }), await policyOf(admin, {})];
  for (const [policy, max_kbps] of [[slow, 1000], [slower, 10]] as const)
    ok(await admin('POST', `/qos/policies/${policy.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps } }), 201);
  const at = (kbps: number) => [{ direction: 'egress', kbps, burstKbps: 0 }];

  assert.deepEqual(refusal(await bob('POST', '/floatingips', { floatingip: { floating_network_id: publicId, qos_policy_id: slower.id } })), [404, 'QosPolicyNotFound']);
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: publicId, qos_policy_id: slow.id } } }), 201);
  assert.equal(router.external_gateway_info.qos_policy_id, slow.id);
  ok(await alice('PUT', `/routers/${router.id}/add_router_interface`, { subnet_id: subnet.id }));
  const { floatingip } = ok(await alice('POST', '/floatingips', { floatingip: { floating_network_id: publicId, port_id: port.id, qos_policy_id: slow.id } }), 201);
  assert.equal(floatingip.qos_policy_id, slow.id);
  assert.deepEqual(ok(await alice('GET', `/floatingips?qos_policy_id=${slow.id}&fields=id`)).floatingips, [{ id: floatingip.id }]);

  const told = async () => {
    const projected = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'floating-ip', id: floatingip.id }, { kind: 'router', id: router.id }]));
    const resource = (kind: string) => projected.find((each) => each.kind === kind)?.resource;
    const [address, way] = [resource('floating-ip') as FloatingIpSpec | undefined, resource('router') as RouterSpec];
    return { generations: projected.map(({ generation }) => generation), address: address?.qos, way: way.gateway?.qos?.limits };
  };
  const first = await told();
  const [gateway] = ok(await admin('GET', `/ports?device_id=${router.id}&device_owner=network:router_gateway`)).ports;
  assert.deepEqual([first.address, first.way], [{ limits: at(1000), dscp: null, networkId: publicId, gatewayPortId: gateway.id }, at(1000)]);
  const [{ id: rule }] = ok(await admin('GET', `/qos/policies/${slow.id}/bandwidth_limit_rules`)).bandwidth_limit_rules;
  ok(await admin('PUT', `/qos/policies/${slow.id}/bandwidth_limit_rules/${rule}`, { bandwidth_limit_rule: { max_kbps: 2000 } }));
  const second = await told();
  assert.deepEqual([second.address?.limits, second.way, second.generations.every((generation, at) => generation > first.generations[at]!)], [at(2000), at(2000), true]);
  assert.deepEqual(refusal(await admin('POST', `/qos/policies/${slow.id}/minimum_bandwidth_rules`, { minimum_bandwidth_rule: { min_kbps: 100 } })), [409, 'QosRuleNotSupported']);
  assert.deepEqual(refusal(await admin('DELETE', `/qos/policies/${slow.id}`)), [409, 'QosPolicyInUse']);

  // The network's, for those that have none.
  ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { qos_policy_id: null } }));
  ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: publicId, qos_policy_id: null } } }));
  assert.deepEqual([(await told()).address, (await told()).way], [null, undefined]);
  const bare = await told();
  ok(await admin('PUT', `/networks/${publicId}`, { network: { qos_policy_id: slower.id } }));
  const third = await told();
  const bounded = ok(await alice('GET', `/floatingips/${floatingip.id}`)).floatingip;
  assert.deepEqual([bounded.qos_policy_id, bounded.qos_network_policy_id], [null, slower.id]);
  assert.deepEqual([third.address?.limits, third.way, third.generations.every((generation, at) => generation > bare.generations[at]!)], [at(10), at(10), true]);
  ok(await admin('PUT', `/networks/${publicId}`, { network: { qos_policy_id: null } }));

  // An address that only leads its ports somewhere is bounded while it does.
  ok(await alice('PUT', `/floatingips/${floatingip.id}`, { floatingip: { port_id: null, qos_policy_id: slow.id } }));
  assert.equal((await told()).address, undefined);
  const { port_forwarding: forwarding } = ok(await alice('POST', `/floatingips/${floatingip.id}/port_forwardings`, { port_forwarding: { internal_port_id: port.id, internal_ip_address: port.fixed_ips[0].ip_address, protocol: 'tcp', internal_port: 22, external_port: 22 } }), 201);
  assert.deepEqual((await told()).address?.limits, at(2000));
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
  ok(await alice('DELETE', `/floatingips/${floatingip.id}/port_forwardings/${forwarding.id}`), 204);
  assert.equal((await told()).address, undefined);

  ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: publicId, qos_policy_id: slow.id } } }));
  assert.equal(ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: publicId } } })).router.external_gateway_info.qos_policy_id, slow.id);
  ok(await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: null } }));
  ok(await alice('DELETE', `/floatingips/${floatingip.id}`), 204);
  ok(await admin('DELETE', `/qos/policies/${slow.id}`), 204);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('who may not write policies is told so of those that he sees, and of others that they are not there', async (t) => {
  const { admin, alice, reader, bob } = await networkFixture(t);
  const own = await policyOf(admin, { name: 'own', project_id: 'alice-project' });
  const { bandwidth_limit_rule: rule } = ok(await admin('POST', `/qos/policies/${own.id}/bandwidth_limit_rules`, { bandwidth_limit_rule: { max_kbps: 7 } }), 201);
  const change = { bandwidth_limit_rule: { max_kbps: 8 } };

  for (const ask of [alice, reader]) {
    assert.equal((await ask('PUT', `/qos/policies/${own.id}`, { policy: { name: 'mine' } })).status, 403);
    assert.equal((await ask('DELETE', `/qos/policies/${own.id}`)).status, 403);
    assert.equal((await ask('POST', '/qos/policies', { policy: { name: 'mine' } })).status, 403);
    assert.equal((await ask('POST', `/qos/policies/${own.id}/bandwidth_limit_rules`, change)).status, 403);
    assert.equal((await ask('PUT', `/qos/policies/${own.id}/bandwidth_limit_rules/${rule.id}`, change)).status, 403);
    assert.equal((await ask('DELETE', `/qos/policies/${own.id}/bandwidth_limit_rules/${rule.id}`)).status, 403);
    assert.equal((await ask('PUT', `/qos/alias_bandwidth_limit_rules/${rule.id}`, change)).status, 403);
    assert.equal((await ask('DELETE', `/qos/alias_bandwidth_limit_rules/${rule.id}`)).status, 403);
  }
  assert.deepEqual(refusal(await bob('PUT', `/qos/policies/${own.id}`, { policy: { name: 'mine' } })), [404, 'QosPolicyNotFound']);
  assert.deepEqual(refusal(await bob('DELETE', `/qos/policies/${own.id}`)), [404, 'QosPolicyNotFound']);
  assert.deepEqual(refusal(await bob('PUT', `/qos/policies/${own.id}/bandwidth_limit_rules/${rule.id}`, change)), [404, 'QosPolicyNotFound']);
  assert.deepEqual(refusal(await bob('DELETE', `/qos/alias_bandwidth_limit_rules/${rule.id}`)), [404, 'QosRuleNotFound']);
  assert.deepEqual(refusal(await alice('POST', '/qos/policies', { policy: { name: 'x'.repeat(256) } })), [400, 'HTTPBadRequest']);
  assert.deepEqual(ok(await admin('GET', `/qos/policies/${own.id}`)).policy.rules, [{ ...rule, qos_policy_id: own.id, type: 'bandwidth_limit' }]);
});

test('a policy that an operator put on what is a project’s, and keeps for himself, is not the project’s to take off', async (t) => {
  const { alice, admin, external, lan } = await networkFixture(t);
  await external();
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const { router } = ok(await alice('POST', '/routers', { router: {} }), 201);
  const [outside] = ok(await alice('GET', '/networks?router:external=true')).networks;
  const { policy } = ok(await admin('POST', '/qos/policies', { policy: { name: 'bounded' } }), 201);
  ok(await admin('PUT', `/networks/${network.id}`, { network: { qos_policy_id: policy.id } }));
  ok(await admin('PUT', `/ports/${port.id}`, { port: { qos_policy_id: policy.id } }));
  ok(await admin('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id, qos_policy_id: policy.id } } }));
  const takeOff = async () => [
    await alice('PUT', `/networks/${network.id}`, { network: { qos_policy_id: null } }),
    await alice('PUT', `/ports/${port.id}`, { port: { qos_policy_id: null } }),
    await alice('PUT', `/routers/${router.id}`, { router: { external_gateway_info: { network_id: outside.id, qos_policy_id: null } } }),
  ];

  const refused = [403, 'PolicyRemoveAuthorizationError'];
  assert.deepEqual((await takeOff()).map(refusal), [refused, refused, [404, 'QosPolicyNotFound']]);
  assert.equal(ok(await alice('GET', `/networks/${network.id}`)).network.qos_policy_id, policy.id);
  ok(await alice('PUT', `/networks/${network.id}`, { network: { name: 'mine all the same' } }));
  ok(await admin('PUT', `/qos/policies/${policy.id}`, { policy: { shared: true } }));
  for (const reply of await takeOff()) ok(reply);
  assert.equal(ok(await alice('GET', `/ports/${port.id}`)).port.qos_policy_id, null);
});
