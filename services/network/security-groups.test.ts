import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal, type Parsed } from './network.fixture.ts';

test('a default group is there when it is looked for, once, and cannot be deleted or renamed', async (t) => {
  const { alice, bob, findings } = await networkFixture(t);

  const lists = await Promise.all(Array.from({ length: 5 }, () => alice('GET', '/security-groups')));
  assert.equal(new Set(lists.flatMap((reply) => ok(reply).security_groups.map((group: { id: string }) => group.id))).size, 1);
  const [group] = ok(lists[0]!).security_groups;
  const rules = group.security_group_rules.map((rule: Parsed) => [rule.direction, rule.ethertype, rule.remote_group_id]);
  assert.deepEqual(rules.toSorted(), [['egress', 'IPv4', null], ['egress', 'IPv6', null], ['ingress', 'IPv4', group.id], ['ingress', 'IPv6', group.id]]);
  assert.deepEqual(refusal(await alice('DELETE', `/security-groups/${group.id}`)), [409, 'SecurityGroupCannotRemoveDefault']);
  assert.deepEqual(refusal(await alice('PUT', `/security-groups/${group.id}`, { security_group: { name: 'x' } })), [409, 'SecurityGroupCannotUpdateDefault']);
  assert.deepEqual(refusal(await alice('POST', '/security-groups', { security_group: { name: 'default' } })), [409, 'SecurityGroupDefaultAlreadyExists']);
  assert.deepEqual(refusal(await bob('GET', `/security-groups/${group.id}`)), [404, 'SecurityGroupNotFound']);
  assert.deepEqual(await findings(), []);
});

test('a rule that could not be carried out, or is there already, is refused', async (t) => {
  const { alice, bob, findings } = await networkFixture(t);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const { security_group: foreign } = ok(await bob('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const make = (wish: object) => alice('POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', ...wish } });

  const { security_group_rule: rule } = ok(await make({ protocol: 'tcp', port_range_min: 22, port_range_max: 22, remote_ip_prefix: '10.1.2.3/8' }), 201);
  assert.deepEqual(rule, {
    id: rule.id, project_id: 'alice-project', tenant_id: 'alice-project', security_group_id: group.id, direction: 'ingress', ethertype: 'IPv4', protocol: 'tcp', port_range_min: 22,
    port_range_max: 22, remote_group_id: null, remote_address_group_id: null, remote_ip_prefix: '10.1.2.3/8', normalized_cidr: '10.0.0.0/8', belongs_to_default_sg: false, description: '', revision_number: 0,
    created_at: rule.created_at, updated_at: rule.created_at,
  });
  assert.deepEqual(refusal(await make({ protocol: 6, port_range_min: 22, port_range_max: 22, remote_ip_prefix: '10.0.0.0/8' })), [409, 'SecurityGroupRuleExists']);
  for (const [wish, name] of [
    [{ protocol: 'tcq' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: 256 }, 'SecurityGroupRuleInvalidProtocol'],
    [{ protocol: '__proto__' }, 'SecurityGroupRuleInvalidProtocol'],
    [{ port_range_min: 1, port_range_max: 2 }, 'SecurityGroupProtocolRequiredWithPorts'],
    [{ protocol: 'tcp', port_range_min: 3, port_range_max: 2 }, 'SecurityGroupInvalidPortRange'],
    [{ protocol: 'tcp', port_range_min: 0, port_range_max: 70000 }, 'SecurityGroupInvalidPortValue'],
    [{ protocol: 'vrrp', port_range_min: 1, port_range_max: 2 }, 'SecurityGroupInvalidProtocolForPort'],
    [{ protocol: 'icmp', port_range_min: 300 }, 'SecurityGroupInvalidIcmpValue'],
    [{ protocol: 'icmp', port_range_max: 3 }, 'SecurityGroupMissingIcmpType'],
    [{ protocol: 'ipv6-icmp' }, 'SecurityGroupEthertypeConflictWithProtocol'],
    [{ remote_ip_prefix: '2001:db8::/32' }, 'SecurityGroupRuleParameterConflict'],
    [{ remote_ip_prefix: '10.0.0.0/40' }, 'HTTPBadRequest'],
    [{ ethertype: 'IPX' }, 'SecurityGroupRuleInvalidEtherType'],
    [{ remote_ip_prefix: '10.0.0.0/8', remote_group_id: group.id }, 'SecurityGroupMultipleRemoteEntites'],
  ] as const)
    assert.deepEqual(refusal(await make(wish)), [400, name]);
  assert.deepEqual(refusal(await make({ remote_group_id: foreign.id })), [404, 'SecurityGroupNotFound']);
  assert.deepEqual(refusal(await alice('POST', '/security-group-rules', { security_group_rule: { security_group_id: foreign.id, direction: 'ingress' } })), [404, 'SecurityGroupNotFound']);
  assert.deepEqual(refusal(await bob('DELETE', `/security-group-rules/${rule.id}`)), [404, 'SecurityGroupRuleNotFound']);
  ok(await alice('DELETE', `/security-group-rules/${rule.id}`), 204);
  assert.deepEqual(await findings(), []);
});

test('a group that is in use stays, and one that goes takes the rules that name it along', async (t) => {
  const { alice, lan, findings } = await networkFixture(t);
  const { network } = await lan();
  const make = async (name: string) => ok(await alice('POST', '/security-groups', { security_group: { name } }), 201).security_group;
  const [web, db] = [await make('web'), await make('db')];
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, security_groups: [web.id] } }), 201);
  ok(await alice('POST', '/security-group-rules', { security_group_rule: { security_group_id: db.id, direction: 'ingress', remote_group_id: web.id } }), 201);

  assert.deepEqual(refusal(await alice('DELETE', `/security-groups/${web.id}`)), [409, 'SecurityGroupInUse']);
  ok(await alice('PUT', `/ports/${port.id}`, { port: { security_groups: [] } }));
  ok(await alice('DELETE', `/security-groups/${web.id}`), 204);
  assert.equal(ok(await alice('GET', `/security-group-rules?security_group_id=${db.id}`)).security_group_rules.length, 2);
  assert.deepEqual(await findings(), []);
});

test('a range of ports has two ends in order, and a group that is not there is not found however it is called', async (t) => {
  const { alice } = await networkFixture(t);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const make = (rule: object) => alice('POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', ...rule } });

  for (const [port_range_min, port_range_max, name] of [
    [null, 6, 'SecurityGroupInvalidPortRange'], [6, null, 'SecurityGroupInvalidPortRange'], [80, 79, 'SecurityGroupInvalidPortRange'],
    [0, 80, 'SecurityGroupInvalidPortValue'], [-16, 80, 'SecurityGroupInvalidPortValue'], [80, 65536, 'SecurityGroupInvalidPortValue'],
  ])
    assert.deepEqual(refusal(await make({ port_range_min, port_range_max })), [400, name], `${port_range_min} to ${port_range_max}`);
  assert.deepEqual(refusal(await make({ remote_group_id: 'bad_group_id' })), [404, 'SecurityGroupNotFound']);
  assert.deepEqual(refusal(await make({ security_group_id: 'bad_group_id' })), [404, 'SecurityGroupNotFound']);
});

test('a group whose first rules would be too many is not made', async (t) => {
  const { alice, admin } = await networkFixture(t);
  ok(await alice('GET', '/security-groups'));
  ok(await admin('PUT', '/quotas/alice-project', { quota: { security_group_rule: 5 } }));

  assert.deepEqual(refusal(await alice('POST', '/security-groups', { security_group: { name: 'web' } })), [409, 'OverQuota']);
  assert.equal(ok(await alice('GET', '/security-groups')).security_groups.length, 1);
  ok(await admin('PUT', '/quotas/alice-project', { quota: { security_group_rule: 6 } }));
  ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
});

test('a port’s groups are all stateful or all stateless, whoever puts it in them', async (t) => {
  const { alice, lan, findings } = await networkFixture(t);
  const { network } = await lan();
  const make = async (stateful: boolean) => ok(await alice('POST', '/security-groups', { security_group: { stateful } }), 201).security_group.id;
  const [stateful, stateless, another] = [await make(true), await make(false), await make(false)];
  const portIn = (...groups: string[]) => alice('POST', '/ports', { port: { network_id: network.id, security_groups: groups } });

  const { port } = ok(await portIn(stateless, another), 201);
  const { port: other } = ok(await portIn(stateful), 201);
  const mixed = [409, 'SecurityGroupConflict'];
  assert.deepEqual(refusal(await portIn(stateful, stateless)), mixed);
  assert.deepEqual(refusal(await alice('POST', '/ports', { ports: [{ network_id: network.id }, { network_id: network.id, security_groups: [another, stateful] }] })), mixed);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${port.id}`, { port: { security_groups: [stateless, stateful] } })), mixed);
  assert.deepEqual(refusal(await alice('PUT', `/ports/${other.id}`, { port: { security_groups: [stateless, stateful] } })), mixed);
  const groupsOf = async (id: string) => new Set<string>(ok(await alice('GET', `/ports/${id}`)).port.security_groups);
  assert.deepEqual([await groupsOf(port.id), await groupsOf(other.id)], [new Set([stateless, another]), new Set([stateful])]);
  assert.equal(ok(await alice('GET', '/ports')).ports.filter((each: Parsed) => each.security_groups.length > 0).length, 2);
  ok(await alice('PUT', `/ports/${port.id}`, { port: { security_groups: [stateful] } }));
  assert.deepEqual(await findings(), []);
});

test('a project’s default group is there for the administrator who asks for it, and for whoever asks for rules', async (t) => {
  const { admin, alice, bob } = await networkFixture(t);
  const of = async (ask: typeof alice, path: string) => ok(await ask('GET', path));

  const [group] = (await of(admin, '/security-groups?project_id=bob-project&name=default')).security_groups;
  assert.deepEqual([group.project_id, group.security_group_rules.length], ['bob-project', 4]);
  assert.equal((await of(bob, '/security-groups')).security_groups[0].id, group.id);
  assert.deepEqual((await of(alice, '/security-groups?project_id=carol-project')).security_groups, []);
  assert.deepEqual((await of(admin, '/security-groups?tenant_id=carol-project')).security_groups.length, 1, 'made now, and not by alice');
  assert.equal((await of(alice, '/security-group-rules')).security_group_rules.length, 4);
});

test('a project’s first group is of its use, and is there though there should be no room for it', async (t) => {
  const { alice, admin, lan, findings } = await networkFixture(t);
  const used = async () => {
    const { quota } = ok(await admin('GET', '/quotas/alice-project/details.json'));
    return [quota.security_group.used, quota.security_group_rule.used];
  };
  ok(await admin('PUT', '/quotas/alice-project', { quota: { security_group: 0, security_group_rule: 0 } }));

  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  assert.deepEqual([port.security_groups.length, await used()], [1, [1, 4]]);
  assert.deepEqual(refusal(await alice('POST', '/security-groups', { security_group: {} })), [409, 'OverQuota']);
  ok(await admin('PUT', '/quotas/alice-project', { quota: { security_group: 2, security_group_rule: 6 } }));
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: {} }), 201);
  assert.deepEqual(refusal(await alice('POST', '/security-groups', { security_group: {} })), [409, 'OverQuota']);
  ok(await alice('DELETE', `/security-group-rules/${group.security_group_rules[0].id}`), 204);
  assert.deepEqual(await used(), [2, 5]);
  ok(await alice('DELETE', `/security-groups/${group.id}`), 204);
  ok(await alice('DELETE', `/ports/${port.id}`), 204);
  ok(await admin('DELETE', `/security-groups/${port.security_groups[0]}`), 204);
  assert.deepEqual([await used(), await findings()], [[0, 0], []]);
});
