import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { registerHosts } from '../placement/claims.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

test('a port is bound to a second host, moves there, and the first lets go of it', async (t) => {
  const { admin, alice, lan, database, driver, parts, findings } = await networkFixture(t);
  const [here] = await driver.hosts.list();
  const there = { ...here!, id: 'there', hostname: 'host-2' };
  await database.transaction(projectionScope, (tx) => registerHosts(tx, [here!, there], new Date()));
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, device_owner: 'compute:nova', device_id: 'somewhere' } }), 201);
  const path = `/ports/${port.id}/bindings`;
  assert.equal((await alice('GET', path)).status, 403);
  assert.deepEqual(ok(await admin('GET', path)).bindings, [{ host: '', vif_type: 'unbound', vif_details: {}, vnic_type: 'normal', profile: {}, status: 'ACTIVE' }]);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { 'binding:host_id': here!.id } }));

  const bound = { vif_type: 'ovs', vif_details: { port_filter: true, connectivity: 'l2' }, vnic_type: 'normal' };
  const second = { host: 'there', ...bound, profile: { migrating_to: 'host-2' }, status: 'INACTIVE' };
  assert.deepEqual(ok(await admin('POST', path, { binding: { host: 'host-2', profile: { migrating_to: 'host-2' } } }), 201).binding, second);
  assert.deepEqual(refusal(await admin('POST', path, { binding: { host: 'there' } })), [409, 'PortBindingAlreadyExists']);
  assert.deepEqual(refusal(await admin('POST', path, { binding: { host: here!.id } })), [409, 'PortBindingAlreadyExists']);
  assert.deepEqual(refusal(await admin('POST', path, { binding: { host: 'moon' } })), [409, 'PortBindingError']);
  assert.deepEqual(ok(await admin('GET', `${path}/host-2`)).binding, second);
  assert.deepEqual(ok(await admin('GET', `${path}?status=INACTIVE&fields=host`)).bindings, [{ host: 'there' }]);
  assert.deepEqual(ok(await admin('PUT', `${path}/there`, { binding: { profile: null } })).binding, { ...second, profile: {} });
  const told = async () => {
    const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id: port.id }]));
    const { hostId, otherHosts } = projected!.resource as PortSpec;
    return [hostId, otherHosts];
  };
  assert.deepEqual(await told(), [here!.id, ['there']]);

  assert.deepEqual(ok(await admin('PUT', `${path}/there/activate`)), { host: 'there', ...bound, profile: {}, status: 'ACTIVE' });
  assert.deepEqual(refusal(await admin('PUT', `${path}/there/activate`)), [409, 'PortBindingAlreadyActive']);
  assert.deepEqual(refusal(await admin('PUT', `${path}/moon/activate`)), [404, 'PortBindingNotFound']);
  assert.deepEqual([ok(await admin('GET', `/ports/${port.id}`)).port['binding:host_id'], await told()], ['there', ['there', [here!.id]]]);
  assert.equal(ok(await admin('GET', `${path}/${here!.id}`)).binding.vif_type, 'unbound');
  ok(await admin('DELETE', `${path}/${here!.id}`), 204);
  assert.deepEqual(refusal(await admin('DELETE', `${path}/${here!.id}`)), [404, 'PortBindingNotFound']);
  assert.deepEqual(await told(), ['there', undefined]);
  ok(await admin('PUT', `${path}/there`, { binding: { host: here!.id } }));
  assert.deepEqual(await told(), [here!.id, undefined]);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
  ok(await admin('DELETE', `${path}/${here!.id}`), 204);
  assert.deepEqual(await told(), [null, undefined]);
});

test('bindings go when something else is plugged in, and only what computes has them', async (t) => {
  const { admin, lan, alice, database, driver } = await networkFixture(t);
  const [here] = await driver.hosts.list();
  await database.transaction(projectionScope, (tx) => registerHosts(tx, [here!], new Date()));
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const path = `/ports/${port.id}/bindings`;
  assert.deepEqual(refusal(await admin('GET', path)), [400, 'BadRequest']);
  assert.deepEqual(refusal(await admin('POST', path, { binding: { host: here!.id } })), [400, 'BadRequest']);
  assert.deepEqual(refusal(await admin('GET', '/ports/nowhere/bindings')), [404, 'PortNotFound']);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { device_owner: 'compute:nova', device_id: 'one' } }));
  ok(await admin('POST', path, { binding: { host: here!.id } }), 201);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { name: 'still' } }));
  assert.equal(ok(await admin('GET', path)).bindings.length, 2);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { device_id: 'another' } }));
  assert.deepEqual(ok(await admin('GET', path)).bindings.map(({ status }: { status: string }) => status), ['ACTIVE']);
  ok(await admin('POST', path, { binding: { host: here!.id } }), 201);
  ok(await admin('PUT', `/ports/${port.id}`, { port: { 'binding:host_id': here!.id } }));
  assert.deepEqual(ok(await admin('GET', path)).bindings.map(({ host, status }: { host: string; status: string }) => [host, status]), [[here!.id, 'ACTIVE']]);
});
