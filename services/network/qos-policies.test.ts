import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectionScope } from './projection.ts';

const policyOf = async (ask: Ask, wish: object = {}) => ok(await ask('POST', '/qos/policies', { policy: wish }), 201).policy;

test('a policy and its rules are made, shown, changed and deleted as Neutron does it', async (t) => {
  const { admin, alice } = await networkFixture(t);
  assert.equal((await alice('POST', '/qos/policies', { policy: { name: 'mine' } })).status, 403);
  const policy = await policyOf(admin, { name: 'slow', shared: true });
  assert.deepEqual(policy, {
    id: policy.id, name: 'slow', description: '', project_id: 'admin-project', tenant_id: 'admin-project', shared: true, is_default: false, rules: [], revision_number: 0,
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
  assert.deepEqual(ok(await alice('GET', '/qos/rule-types')).rule_types, [{ type: 'bandwidth_limit' }, { type: 'dscp_marking' }]);
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
