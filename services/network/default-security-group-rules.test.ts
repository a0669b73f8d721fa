import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal, type Parsed } from './network.fixture.ts';

test('groups begin with the rules that the operator wants, those of projects and those that are made otherwise', async (t) => {
  const { admin, alice, findings } = await networkFixture(t);
  const { default_security_group_rules: first } = ok(await alice('GET', '/default-security-group-rules?sort_key=direction&sort_key=ethertype'));
  assert.deepEqual(first.map((rule: Parsed) => [rule.direction, rule.ethertype, rule.remote_group_id, rule.used_in_default_sg, rule.used_in_non_default_sg]), [
    ['egress', 'IPv4', null, true, true], ['egress', 'IPv6', null, true, true], ['ingress', 'IPv4', 'PARENT', true, false], ['ingress', 'IPv6', 'PARENT', true, false],
  ]);

  const ssh = { direction: 'ingress', protocol: 'tcp', port_range_min: '22', port_range_max: 22, remote_ip_prefix: '192.0.2.7', description: 'ours', used_in_default_sg: false, used_in_non_default_sg: true };
  const { default_security_group_rule: made } = ok(await admin('POST', '/default-security-group-rules', { default_security_group_rule: ssh }), 201);
  assert.deepEqual(made, { ...ssh, id: made.id, ethertype: 'IPv4', port_range_min: 22, remote_group_id: null, remote_address_group_id: null });
  ok(await admin('DELETE', `/default-security-group-rules/${first[1].id}`), 204);
  assert.deepEqual(refusal(await admin('GET', `/default-security-group-rules/${first[1].id}`)), [404, 'DefaultSecurityGroupRuleNotFound']);
  const { default_security_group_rules: found } = ok(await alice('GET', '/default-security-group-rules?used_in_non_default_sg=true&remote_group_id=PARENT'));
  assert.deepEqual(found, []);

  const { security_group: web } = ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const meanings = (group: Parsed) => group.security_group_rules.map((rule: Parsed) => [rule.direction, rule.ethertype, rule.protocol, rule.normalized_cidr, rule.remote_group_id, rule.belongs_to_default_sg]).toSorted();
  assert.deepEqual(meanings(web), [['egress', 'IPv4', null, null, null, false], ['ingress', 'IPv4', 'tcp', '192.0.2.7/32', null, false]]);
  const [own] = ok(await alice('GET', '/security-groups?name=default')).security_groups;
  assert.deepEqual(meanings(own), [['egress', 'IPv4', null, null, null, true], ['ingress', 'IPv4', null, null, own.id, true], ['ingress', 'IPv6', null, null, own.id, true]]);
  const { quota } = ok(await alice('GET', '/quotas/alice-project/details.json'));
  assert.deepEqual([quota.security_group.used, quota.security_group_rule.used], [2, 5]);
  assert.deepEqual(await findings(), []);
});

test('a rule that no group could begin with is refused, and only the operator says what they are', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const make = (wish: object, ask = admin) => ask('POST', '/default-security-group-rules', { default_security_group_rule: { direction: 'ingress', used_in_default_sg: true, used_in_non_default_sg: false, ...wish } });

  assert.deepEqual(refusal(await make({ protocol: 'udp' }, alice)), [403, 'PolicyNotAuthorized']);
  for (const [wish, refused] of [
    [{ remote_group_id: 'PARENT' }, [409, 'DefaultSecurityGroupRuleExists']],
    [{ remote_group_id: 'none' }, [404, 'SecurityGroupNotFound']],
    [{ remote_address_group_id: 'none' }, [404, 'AddressGroupNotFound']],
    [{ remote_group_id: 'PARENT', remote_ip_prefix: '10.0.0.0/8' }, [400, 'SecurityGroupMultipleRemoteEntites']],
    [{ port_range_min: 1, port_range_max: 2 }, [400, 'SecurityGroupProtocolRequiredWithPorts']],
    [{ used_in_default_sg: undefined }, [400, 'HTTPBadRequest']],
  ] as const)
    assert.deepEqual(refusal(await make(wish)), refused);

  const { address_group: offices } = ok(await admin('POST', '/address-groups', { address_group: { addresses: ['203.0.113.0/24'] } }), 201);
  const { default_security_group_rule: rule } = ok(await make({ protocol: 'udp', remote_address_group_id: offices.id }), 201);
  assert.deepEqual(refusal(await admin('DELETE', `/address-groups/${offices.id}`)), [409, 'AddressGroupInUse']);
  ok(await admin('DELETE', `/default-security-group-rules/${rule.id}`), 204);
  ok(await admin('DELETE', `/address-groups/${offices.id}`), 204);
});
