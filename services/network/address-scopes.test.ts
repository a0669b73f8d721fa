import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('an address scope is made, shown, changed and deleted as Neutron does it', async (t) => {
  const { alice, bob, admin } = await networkFixture(t);

  const { address_scope: scope } = ok(await alice('POST', '/address-scopes', { address_scope: { name: 'ours', ip_version: 4 } }), 201);
  assert.deepEqual(scope, { id: scope.id, name: 'ours', project_id: 'alice-project', tenant_id: 'alice-project', ip_version: 4, shared: false });
  assert.deepEqual(refusal(await bob('GET', `/address-scopes/${scope.id}`)), [404, 'AddressScopeNotFound']);
  assert.deepEqual(refusal(await alice('PUT', `/address-scopes/${scope.id}`, { address_scope: { shared: true } })), [403, 'PolicyNotAuthorized']);
  assert.equal(ok(await admin('PUT', `/address-scopes/${scope.id}`, { address_scope: { shared: true, name: 'all' } })).address_scope.name, 'all');
  assert.equal(ok(await bob('GET', `/address-scopes/${scope.id}`)).address_scope.shared, true);
  assert.deepEqual(refusal(await bob('DELETE', `/address-scopes/${scope.id}`)), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await admin('PUT', `/address-scopes/${scope.id}`, { address_scope: { shared: false } })), [400, 'AddressScopeUpdateError']);
  assert.deepEqual(refusal(await alice('POST', '/address-scopes', { address_scope: { ip_version: 5 } })), [400, 'HTTPBadRequest']);
  ok(await alice('DELETE', `/address-scopes/${scope.id}`), 204);
  assert.deepEqual(ok(await bob('GET', '/address-scopes')).address_scopes, []);
});

test('in a scope no address is of two pools, and a network shows the scope of its addresses', async (t) => {
  const { alice, findings } = await networkFixture(t);
  const { address_scope: scope } = ok(await alice('POST', '/address-scopes', { address_scope: { name: 'ours', ip_version: 4 } }), 201);
  const pool = (name: string, prefixes: string[]) => alice('POST', '/subnetpools', { subnetpool: { name, prefixes, address_scope_id: scope.id } });

  const { subnetpool } = ok(await pool('one', ['10.0.0.0/16']), 201);
  assert.equal(subnetpool.address_scope_id, scope.id);
  assert.deepEqual(refusal(await pool('other', ['10.0.1.0/24'])), [409, 'AddressScopePrefixConflict']);
  assert.deepEqual(refusal(await pool('six', ['fd00::/48'])), [400, 'IllegalSubnetPoolIpVersionAssociationToAddressScope']);
  const other = ok(await pool('beside', ['10.1.0.0/16']), 201).subnetpool;
  assert.deepEqual(refusal(await alice('PUT', `/subnetpools/${other.id}`, { subnetpool: { prefixes: ['10.0.0.0/15'] } })), [409, 'AddressScopePrefixConflict']);
  assert.deepEqual(refusal(await alice('DELETE', `/address-scopes/${scope.id}`)), [409, 'AddressScopeInUse']);

  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, subnetpool_id: subnetpool.id, prefixlen: 24 } }), 201);
  const seen = ok(await alice('GET', `/networks/${network.id}`)).network;
  assert.deepEqual([seen.ipv4_address_scope, seen.ipv6_address_scope], [scope.id, null]);
  assert.equal(ok(await alice('PUT', `/subnetpools/${other.id}`, { subnetpool: { address_scope_id: null } })).subnetpool.address_scope_id, null);
  ok(await alice('PUT', `/subnetpools/${other.id}`, { subnetpool: { prefixes: ['10.0.0.0/15'] } }));
  assert.deepEqual(await findings(), []);
});
