import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('a network that is shared with one project is seen and used by that one, and by no other', async (t) => {
  const { alice, bob, carol, lan, findings } = await networkFixture(t);
  const { network, subnet } = await lan();

  const { rbac_policy: policy } = ok(await alice('POST', '/rbac-policies', { rbac_policy: { object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: 'bob-project' } }), 201);
  assert.deepEqual(policy, { id: policy.id, project_id: 'alice-project', tenant_id: 'alice-project', object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: 'bob-project' });

  assert.equal(ok(await bob('GET', `/networks/${network.id}`)).network.shared, true);
  assert.equal(ok(await alice('GET', `/networks/${network.id}`)).network.shared, false);
  assert.deepEqual(ok(await bob('GET', '/networks?shared=True')).networks.map(({ id }: { id: string }) => id), [network.id]);
  assert.equal(ok(await bob('GET', `/subnets/${subnet.id}`)).subnet.id, subnet.id);
  assert.deepEqual(refusal(await carol('GET', `/networks/${network.id}`)), [404, 'NetworkNotFound']);
  assert.deepEqual(ok(await carol('GET', '/subnets')).subnets, []);
  const { port } = ok(await bob('POST', '/ports', { port: { network_id: network.id } }), 201);

  assert.deepEqual(refusal(await alice('DELETE', `/rbac-policies/${policy.id}`)), [409, 'RbacPolicyInUse']);
  assert.deepEqual(refusal(await alice('PUT', `/rbac-policies/${policy.id}`, { rbac_policy: { target_tenant: 'carol-project' } })), [409, 'RbacPolicyInUse']);
  assert.deepEqual(refusal(await bob('DELETE', `/rbac-policies/${policy.id}`)), [404, 'RbacPolicyNotFound']);
  ok(await bob('DELETE', `/ports/${port.id}`), 204);
  assert.equal(ok(await alice('PUT', `/rbac-policies/${policy.id}`, { rbac_policy: { target_tenant: 'carol-project' } })).rbac_policy.target_tenant, 'carol-project');
  assert.equal((await bob('GET', `/networks/${network.id}`)).status, 404);
  assert.equal((await carol('GET', `/networks/${network.id}`)).status, 200);
  ok(await alice('DELETE', `/rbac-policies/${policy.id}`), 204);
  assert.equal((await carol('GET', `/networks/${network.id}`)).status, 404);
  assert.deepEqual(await findings(), []);
});

test('only administrators share with all, and `shared` of a network is such a policy', async (t) => {
  const { alice, bob, admin, lan } = await networkFixture(t);
  const { network } = await lan();
  const wish = { object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: '*' };

  assert.deepEqual(refusal(await alice('POST', '/rbac-policies', { rbac_policy: wish })), [403, 'PolicyNotAuthorized']);
  const { rbac_policy: policy } = ok(await admin('POST', '/rbac-policies', { rbac_policy: wish }), 201);
  assert.equal(ok(await bob('GET', `/networks/${network.id}`)).network.shared, true);
  // Made by administrators: whose the network is does not see it, and cannot take it away.
  assert.deepEqual(ok(await alice('GET', '/rbac-policies')).rbac_policies, []);
  assert.deepEqual(refusal(await alice('DELETE', `/rbac-policies/${policy.id}`)), [404, 'RbacPolicyNotFound']);
  assert.deepEqual(refusal(await admin('POST', '/rbac-policies', { rbac_policy: wish })), [409, 'DuplicateRbacPolicy']);

  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: false } }));
  assert.deepEqual(refusal(await admin('GET', `/rbac-policies/${policy.id}`)), [404, 'RbacPolicyNotFound']);
  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));
  assert.equal(ok(await admin('GET', `/rbac-policies?object_id=${network.id}`)).rbac_policies.length, 1);
  ok(await alice('DELETE', `/networks/${network.id}`), 204);
  assert.deepEqual(ok(await admin('GET', `/rbac-policies?object_id=${network.id}`)).rbac_policies, []);
});

test('a way out can be given to one project only', async (t) => {
  const { admin, alice, bob } = await networkFixture(t);
  const { network } = ok(await admin('POST', '/networks', { network: { name: 'wan' } }), 201);
  ok(await admin('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '192.0.2.0/24' } }), 201);
  const { rbac_policy: policy } = ok(await admin('POST', '/rbac-policies', { rbac_policy: { object_type: 'network', object_id: network.id, action: 'access_as_external', target_tenant: 'alice-project' } }), 201);

  assert.equal(ok(await alice('GET', `/networks/${network.id}`)).network['router:external'], true);
  assert.equal((await bob('GET', `/networks/${network.id}`)).status, 404);
  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id } })), [403, 'PolicyNotAuthorized']);
  const { router } = ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: network.id } } }), 201);
  assert.deepEqual(refusal(await admin('DELETE', `/rbac-policies/${policy.id}`)), [409, 'RbacPolicyInUse']);
  ok(await alice('DELETE', `/routers/${router.id}`), 204);
  ok(await admin('DELETE', `/rbac-policies/${policy.id}`), 204);
  assert.equal(ok(await admin('GET', `/networks/${network.id}`)).network['router:external'], false);
});

test('a security group that is shared guards the ports of another project, which cannot change it', async (t) => {
  const { alice, bob, lan, findings } = await networkFixture(t);
  const { security_group: group } = ok(await alice('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const { rbac_policy: policy } = ok(await alice('POST', '/rbac-policies', { rbac_policy: { object_type: 'security_group', object_id: group.id, action: 'access_as_shared', target_tenant: 'bob-project' } }), 201);
  const { security_group_rule: rule } = ok(await alice('POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_range_min: 80, port_range_max: 80 } }), 201);

  const seen = ok(await bob('GET', `/security-groups/${group.id}`)).security_group;
  assert.equal(seen.shared, true);
  assert.ok(seen.security_group_rules.some(({ id }: { id: string }) => id === rule.id));
  assert.deepEqual(refusal(await bob('PUT', `/security-groups/${group.id}`, { security_group: { name: 'mine' } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await bob('POST', '/security-group-rules', { security_group_rule: { security_group_id: group.id, direction: 'ingress' } })), [403, 'PolicyNotAuthorized']);
  const { network } = await lan(bob);
  const { port } = ok(await bob('POST', '/ports', { port: { network_id: network.id, security_groups: [group.id] } }), 201);
  assert.deepEqual(port.security_groups, [group.id]);
  assert.deepEqual(refusal(await alice('DELETE', `/rbac-policies/${policy.id}`)), [409, 'RbacPolicyInUse']);
  assert.deepEqual(refusal(await alice('DELETE', `/security-groups/${group.id}`)), [409, 'SecurityGroupInUse']);
  ok(await bob('DELETE', `/ports/${port.id}`), 204);
  ok(await alice('DELETE', `/security-groups/${group.id}`), 204);
  assert.deepEqual(await findings(), []);
});

test('the way out of everybody is not withdrawn, and one that only a project uses can become its own', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const outside = async (name: string, more: object = {}) => {
    const { network } = ok(await admin('POST', '/networks', { network: { name, 'router:external': true, ...more } }), 201);
    ok(await admin('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '192.0.2.7/24' } }), 201);
    const [policy] = ok(await admin('GET', `/rbac-policies?object_id=${network.id}&action=access_as_external&target_tenant=*`)).rbac_policies;
    return { network, policy };
  };
  const usual = await outside('usual', { is_default: true });
  const other = await outside('other');
  ok(await alice('POST', '/routers', { router: { external_gateway_info: { network_id: other.network.id } } }), 201);

  const kept = await admin('DELETE', `/rbac-policies/${usual.policy.id}`);
  assert.deepEqual(refusal(kept), [409, 'RbacPolicyInUse']);
  assert.match(kept.body.NeutronError.message, /Default external networks must be shared to everyone\.$/);
  assert.deepEqual(refusal(await admin('PUT', `/rbac-policies/${other.policy.id}`, { rbac_policy: { target_tenant: 'bob-project' } })), [409, 'RbacPolicyInUse']);
  ok(await admin('PUT', `/rbac-policies/${other.policy.id}`, { rbac_policy: { target_tenant: 'alice-project' } }));
});

test('a policy that makes no sense is refused', async (t) => {
  const { alice, bob, lan } = await networkFixture(t);
  const { network } = await lan();
  const wish = { object_type: 'network', object_id: network.id, action: 'access_as_shared', target_tenant: 'bob-project' };

  assert.deepEqual(refusal(await alice('POST', '/rbac-policies', { rbac_policy: { ...wish, action: 'access_as_friend' } })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await alice('POST', '/rbac-policies', { rbac_policy: { ...wish, object_type: 'security_group', action: 'access_as_external' } })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await bob('POST', '/rbac-policies', { rbac_policy: wish })), [400, 'InvalidInput']);
  assert.deepEqual(refusal(await alice('POST', '/rbac-policies', { rbac_policy: { ...wish, object_type: 'star' } })), [400, 'HTTPBadRequest']);
});

test('policies count for who makes them, and a network that is shared anew is another revision', async (t) => {
  const { admin, alice, lan, findings } = await networkFixture(t);
  const { network } = await lan();
  ok(await admin('PUT', '/quotas/admin-project', { quota: { rbac_policy: 1 } }));
  const wish = { object_type: 'network', object_id: network.id, action: 'access_as_shared' };
  const before = ok(await alice('GET', `/networks/${network.id}`)).network.revision_number;

  const { rbac_policy: policy } = ok(await admin('POST', '/rbac-policies', { rbac_policy: { ...wish, target_tenant: 'bob-project' } }), 201);
  assert.deepEqual(refusal(await admin('POST', '/rbac-policies', { rbac_policy: { ...wish, target_tenant: 'carol-project' } })), [409, 'OverQuota']);

  assert.ok(ok(await alice('GET', `/networks/${network.id}`)).network.revision_number > before);
  assert.deepEqual(await findings(), []);
  ok(await admin('DELETE', `/rbac-policies/${policy.id}`), 204);
  ok(await admin('POST', '/rbac-policies', { rbac_policy: { ...wish, target_tenant: 'carol-project' } }), 201);
  assert.deepEqual(await findings(), []);
});

test('a pool is shared with those who see its scope, and changed by whom the scope is', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const { address_scope: scope } = ok(await admin('POST', '/address-scopes', { address_scope: { name: 'all', ip_version: 4 } }), 201);
  const share = (object_type: string, object_id: string, target_tenant: string) => ({ rbac_policy: { object_type, object_id, action: 'access_as_shared', target_tenant } });
  ok(await admin('POST', '/rbac-policies', share('address_scope', scope.id, 'alice-project')), 201);
  const { subnetpool: pool } = ok(await alice('POST', '/subnetpools', { subnetpool: { name: 'mine', prefixes: ['10.0.0.0/16'], address_scope_id: scope.id } }), 201);

  assert.deepEqual(refusal(await alice('POST', '/rbac-policies', share('subnetpool', pool.id, 'bob-project'))), [400, 'InvalidInput']);
  ok(await admin('POST', '/rbac-policies', share('address_scope', scope.id, 'bob-project')), 201);
  ok(await alice('POST', '/rbac-policies', share('subnetpool', pool.id, 'bob-project')), 201);

  assert.deepEqual(refusal(await alice('PUT', `/subnetpools/${pool.id}`, { subnetpool: { prefixes: ['10.0.0.0/15'] } })), [400, 'IllegalSubnetPoolUpdate']);
  assert.deepEqual(ok(await admin('PUT', `/subnetpools/${pool.id}`, { subnetpool: { prefixes: ['10.0.0.0/15'] } })).subnetpool.prefixes, ['10.0.0.0/15']);
});

test('what its owner uses as everybody may, he does not take back from everybody', async (t) => {
  const { admin } = await networkFixture(t);
  const { policy } = ok(await admin('POST', '/qos/policies', { policy: { name: 'slow', shared: true } }), 201);
  const { network } = ok(await admin('POST', '/networks', { network: { qos_policy_id: policy.id } }), 201);

  assert.deepEqual(refusal(await admin('PUT', `/qos/policies/${policy.id}`, { policy: { shared: false } })), [409, 'RbacPolicyInUse']);
  ok(await admin('DELETE', `/networks/${network.id}`), 204);
  assert.equal(ok(await admin('PUT', `/qos/policies/${policy.id}`, { policy: { shared: false } })).policy.shared, false);
});
