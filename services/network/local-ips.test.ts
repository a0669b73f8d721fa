import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectionScope } from './projection.ts';

type Fixture = Awaited<ReturnType<typeof networkFixture>>;

async function start(t: Parameters<typeof networkFixture>[0]) {
  const fixture = await networkFixture(t);
  const { alice } = fixture;
  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, cidr: '10.1.0.0/24' } }), 201);
  const port = async (more: object = {}, as: Fixture['alice'] = alice) => ok(await as('POST', '/ports', { port: { network_id: network.id, ...more } }), 201).port;
  const told = async (id: string) => {
    const [projected] = await fixture.database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id }]));
    const { localIps, takenAddresses } = projected!.resource as PortSpec;
    return { ...(localIps && { localIps }), ...(takenAddresses && { takenAddresses }) };
  };
  return { ...fixture, network, port, told };
}

test('a port answers to an address on its host, which is translated to its own', async (t) => {
  const { alice, bob, admin, network, port, told } = await start(t);
  const one = await port({ name: 'one' });

  const { local_ip: made } = ok(await alice('POST', '/local_ips', { local_ip: { network_id: network.id, local_ip_address: '10.1.0.77', name: 'dns', description: 'near' } }), 201);
  const { id, local_port_id, created_at: _created, updated_at: _updated, ...rest } = made;
  assert.deepEqual(rest, { name: 'dns', description: 'near', project_id: network.project_id, tenant_id: network.project_id, network_id: network.id, local_ip_address: '10.1.0.77', ip_mode: 'translate', revision_number: 0 });
  const own = ok(await admin('GET', `/ports/${local_port_id}`)).port;
  assert.deepEqual([own.device_owner, own.device_id, own.fixed_ips[0].ip_address], ['network:local_ip', id, '10.1.0.77']);
  assert.equal((await alice('GET', `/ports/${local_port_id}`)).status, 404, 'it is the cloud’s');
  assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id, fixed_ips: [{ ip_address: '10.1.0.77' }] } })), [409, 'IpAddressAlreadyAllocated']);

  const path = `/local_ips/${id}/port_associations`;
  const { port_association: association } = ok(await alice('POST', path, { port_association: { fixed_port_id: one.id } }), 201);
  assert.deepEqual(association, { local_ip_id: id, local_ip_address: '10.1.0.77', fixed_port_id: one.id, fixed_ip: one.fixed_ips[0].ip_address, host: '' });
  assert.deepEqual(await told(one.id), { localIps: [{ address: '10.1.0.77', translatedTo: one.fixed_ips[0].ip_address }] });
  assert.deepEqual([ok(await alice('GET', path)).port_associations, ok(await alice('GET', `${path}/${one.id}`)).port_association, ok(await alice('GET', `${path}?fixed_port_id=${network.id}`)).port_associations], [[association], association, []]);
  assert.deepEqual(ok(await alice('GET', '/local_ips?local_ip_address=10.1.0.77&fields=id')).local_ips, [{ id }]);

  assert.deepEqual(refusal(await alice('DELETE', `/local_ips/${id}`)), [409, 'LocalIPInUse']);
  assert.deepEqual(refusal(await alice('POST', path, { port_association: { fixed_port_id: one.id } }))[0], 409);
  for (const [method, at, body] of [['GET', `/local_ips/${id}`, undefined], ['GET', path, undefined], ['POST', path, { port_association: { fixed_port_id: one.id } }], ['DELETE', `${path}/${one.id}`, undefined], ['PUT', `/local_ips/${id}`, { local_ip: { name: 'his' } }]] as const)
    assert.deepEqual(refusal(await bob(method, at, body)), [404, 'LocalIPNotFound'], `${method} ${at}`);

  assert.equal((await alice('DELETE', `${path}/${one.id}`)).status, 204);
  assert.deepEqual(await told(one.id), {});
  assert.deepEqual(refusal(await alice('DELETE', `${path}/${one.id}`)), [404, 'LocalIPAssociationNotFound']);
  const { local_ip: renamed } = ok(await alice('PUT', `/local_ips/${id}`, { local_ip: { name: 'other' } }));
  assert.deepEqual([renamed.name, renamed.description, renamed.revision_number], ['other', 'near', 1]);
  assert.equal((await alice('DELETE', `/local_ips/${id}`)).status, 204);
  assert.equal((await admin('GET', `/ports/${local_port_id}`)).status, 404);
  assert.equal((await port({ fixed_ips: [{ ip_address: '10.1.0.77' }] })).fixed_ips[0].ip_address, '10.1.0.77', 'the address is free');
});

test('of a port whose address it is, others take it, each on its own host', async (t) => {
  const { alice, admin, port, told } = await start(t);
  const [server, first, second] = [await port(), await port({ 'binding:host_id': 'host-1' }, admin), await port({ 'binding:host_id': 'host-1' }, admin)];
  const [address] = server.fixed_ips.map((fixed: { ip_address: string }) => fixed.ip_address);
  const { local_ip: localIp } = ok(await alice('POST', '/local_ips', { local_ip: { local_port_id: server.id, ip_mode: 'passthrough' } }), 201);
  assert.deepEqual([localIp.local_ip_address, localIp.ip_mode], [address, 'passthrough']);
  assert.deepEqual(await told(server.id), {});
  const path = `/local_ips/${localIp.id}/port_associations`;
  const answer = async (portId: string) => ok(await admin('POST', path, { port_association: { fixed_port_id: portId } }), 201).port_association;

  assert.equal((await answer(first.id)).host, 'host-1');
  assert.deepEqual([await told(server.id), await told(first.id)], [{ takenAddresses: [address] }, { localIps: [{ address, translatedTo: null }] }]);
  await answer(second.id);
  assert.deepEqual([await told(first.id), await told(second.id)], [{}, { localIps: [{ address, translatedTo: null }] }], 'of two on one host the newer');
  ok(await admin('PUT', `/ports/${second.id}`, { port: { 'binding:host_id': 'host-2' } }));
  assert.deepEqual(await told(first.id), await told(second.id), 'each on its own');

  assert.deepEqual(refusal(await alice('DELETE', `/ports/${server.id}`)), [409, 'ServicePortInUse']);
  for (const gone of [first, second]) assert.equal((await admin('DELETE', `/ports/${gone.id}`)).status, 204);
  assert.deepEqual([await told(server.id), ok(await alice('GET', path)).port_associations], [{}, []], 'what answered is gone');
  assert.equal((await alice('DELETE', `/local_ips/${localIp.id}`)).status, 204);
  assert.equal((await alice('DELETE', `/ports/${server.id}`)).status, 204);
});

test('an address of nobody, or one that is another’s to give, is refused', async (t) => {
  const { alice, bob, admin, network, port } = await start(t);
  const make = (local_ip: object, as = alice) => as('POST', '/local_ips', { local_ip });
  const several = await port({ fixed_ips: [{ ip_address: '10.1.0.8' }, { ip_address: '10.1.0.9' }] });

  assert.deepEqual(refusal(await make({})), [400, 'LocalIPPortOrNetworkRequired']);
  assert.deepEqual(refusal(await make({ network_id: network.id, local_ip_address: '10.9.0.1' })), [400, 'InvalidIpForNetwork']);
  assert.deepEqual(refusal(await make({ network_id: network.id, local_ip_address: 'here' })), [400, 'HTTPBadRequest']);
  assert.deepEqual(refusal(await make({ network_id: crypto.randomUUID() })), [404, 'NetworkNotFound']);
  assert.deepEqual(refusal(await make({ network_id: network.id }, bob)), [404, 'NetworkNotFound']);
  assert.deepEqual(refusal(await make({ local_port_id: several.id }, bob)), [400, 'BadRequest']);
  assert.deepEqual(refusal(await make({ local_port_id: several.id })), [400, 'LocalIPNoRequestedIP']);
  assert.deepEqual(refusal(await make({ local_port_id: several.id, local_ip_address: '10.1.0.10' })), [400, 'LocalIPRequestedIPNotFound']);
  assert.equal(ok(await make({ local_port_id: several.id, local_ip_address: '10.1.0.9' }), 201).local_ip.local_ip_address, '10.1.0.9');
  const bare = ok(await alice('POST', '/networks', { network: {} }), 201).network;
  assert.deepEqual(refusal(await make({ network_id: bare.id })), [400, 'BadRequest']);

  ok(await admin('PUT', `/networks/${network.id}`, { network: { shared: true } }));
  assert.deepEqual(refusal(await make({ network_id: network.id, local_ip_address: '10.1.0.50' }, bob)), [403, 'PolicyNotAuthorized']);
  const { local_ip: his } = ok(await make({ network_id: network.id }, bob), 201);
  const elsewhere = ok(await bob('POST', '/networks', { network: {} }), 201).network;
  ok(await bob('POST', '/subnets', { subnet: { network_id: elsewhere.id, ip_version: 4, cidr: '10.1.0.0/24' } }), 201);
  const answer = (fixed_port_id: string, more: object = {}) => bob('POST', `/local_ips/${his.id}/port_associations`, { port_association: { fixed_port_id, ...more } });
  const [far, near] = [ok(await bob('POST', '/ports', { port: { network_id: elsewhere.id } }), 201).port, ok(await bob('POST', '/ports', { port: { network_id: network.id } }), 201).port];
  assert.deepEqual(refusal(await answer(far.id)), [400, 'BadRequest'], 'on another network it would be another’s');
  assert.deepEqual(refusal(await answer(several.id)), [400, 'BadRequest'], 'another’s port');
  assert.deepEqual(refusal(await answer(near.id, { fixed_ip: '10.1.0.8' })), [400, 'LocalIPRequestedIPNotFound']);
  assert.equal((await answer(near.id, { fixed_ip: near.fixed_ips[0].ip_address })).status, 201);
});
