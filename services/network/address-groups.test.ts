import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SecurityGroupSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectionScope } from './projection.ts';

test('an address group is made, shown, changed and deleted as Neutron does it', async (t) => {
  const { alice, bob } = await networkFixture(t);

  const { address_group: group } = ok(await alice('POST', '/address-groups', { address_group: { name: 'offices', addresses: ['203.0.113.7/32', '198.51.100.9/24', '2001:db8::/32'] } }), 201);
  assert.deepEqual(group, {
    id: group.id, name: 'offices', description: '', project_id: 'alice-project', tenant_id: 'alice-project', addresses: ['203.0.113.7/32', '198.51.100.0/24', '2001:db8::/32'],
    revision_number: 0, created_at: group.created_at, updated_at: group.created_at,
  });
  const change = (what: 'add' | 'remove', addresses: string[]) => alice('PUT', `/address-groups/${group.id}/${what}_addresses`, { addresses });
  assert.deepEqual(refusal(await change('add', ['203.0.113.7/32'])), [400, 'AddressesAlreadyExist']);
  assert.deepEqual(refusal(await change('remove', ['10.0.0.1'])), [404, 'AddressesNotFound']);
  assert.deepEqual(ok(await change('remove', ['203.0.113.7/32'])).address_group.addresses, ['198.51.100.0/24', '2001:db8::/32']);
  assert.equal(ok(await alice('PUT', `/address-groups/${group.id}`, { address_group: { description: 'ours' } })).address_group.revision_number, 2);
  assert.deepEqual(refusal(await bob('GET', `/address-groups/${group.id}`)), [404, 'AddressGroupNotFound']);
  ok(await alice('DELETE', `/address-groups/${group.id}`), 204);
});

test('a rule that names an address group is in force for each of its addresses, as they come and go', async (t) => {
  const { alice, bob, database, findings } = await networkFixture(t);
  const { address_group: offices } = ok(await alice('POST', '/address-groups', { address_group: { addresses: ['203.0.113.7/32', '2001:db8::/32'] } }), 201);
  ok(await alice('POST', '/rbac-policies', { rbac_policy: { object_type: 'address_group', object_id: offices.id, action: 'access_as_shared', target_tenant: 'bob-project' } }), 201);
  const { security_group: web } = ok(await bob('POST', '/security-groups', { security_group: { name: 'web' } }), 201);
  const wish = { security_group_id: web.id, direction: 'ingress', protocol: 'tcp', port_range_min: 443, port_range_max: 443, remote_address_group_id: offices.id };
  const { security_group_rule: rule } = ok(await bob('POST', '/security-group-rules', { security_group_rule: wish }), 201);
  assert.equal(rule.remote_address_group_id, offices.id);
  const told = async () => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'security-group', id: web.id }]));
    return (projected!.resource as SecurityGroupSpec).rules.filter(({ direction }) => direction === 'ingress').map(({ remote }) => (remote.kind === 'cidr' ? remote.cidr : remote.kind));
  };

  assert.deepEqual(await told(), ['203.0.113.7/32']);
  ok(await alice('PUT', `/address-groups/${offices.id}/add_addresses`, { addresses: ['192.0.2.0/24'] }));
  assert.deepEqual(await told(), ['203.0.113.7/32', '192.0.2.0/24']);
  const waiting = await database.read(projectionScope, (tx) => tx.rows`select id from network.projection where kind = 'security-group' and id = ${web.id} and dirty_since is not null`);
  assert.equal(waiting.length, 1);
  ok(await alice('PUT', `/address-groups/${offices.id}/remove_addresses`, { addresses: ['192.0.2.0/24', '203.0.113.7/32'] }));
  // Nobody is let in: not everybody.
  assert.deepEqual(await told(), []);

  assert.deepEqual(refusal(await bob('POST', '/security-group-rules', { security_group_rule: { ...wish, remote_ip_prefix: '10.0.0.0/8' } })), [400, 'SecurityGroupMultipleRemoteEntites']);
  assert.deepEqual(refusal(await bob('POST', '/security-group-rules', { security_group_rule: wish })), [409, 'SecurityGroupRuleExists']);
  assert.deepEqual(refusal(await alice('DELETE', `/address-groups/${offices.id}`)), [409, 'AddressGroupInUse']);
  ok(await bob('DELETE', `/security-group-rules/${rule.id}`), 204);
  ok(await alice('DELETE', `/address-groups/${offices.id}`), 204);
  assert.deepEqual(await findings(), []);
});

test('an address group that is shared is changed by nobody else, to whom there is none to change', async (t) => {
  const { alice, bob } = await networkFixture(t);
  const { address_group: group } = ok(await alice('POST', '/address-groups', { address_group: { name: 'g' } }), 201);
  ok(await alice('POST', '/rbac-policies', { rbac_policy: { object_type: 'address_group', object_id: group.id, action: 'access_as_shared', target_tenant: 'bob-project' } }), 201);

  assert.equal(ok(await bob('GET', `/address-groups/${group.id}`)).address_group.name, 'g');
  assert.deepEqual(refusal(await bob('PUT', `/address-groups/${group.id}`, { address_group: { name: 'mine' } })), [404, 'AddressGroupNotFound']);
  assert.deepEqual(refusal(await bob('DELETE', `/address-groups/${group.id}`)), [404, 'AddressGroupNotFound']);
});
