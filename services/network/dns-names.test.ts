import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

test("a port has a name, by which its network's DNS answers while something is behind it", async (t) => {
  const { alice, lan, database, parts, findings } = await networkFixture(t);
  const { network } = await lan();
  const names = async (id: string) => ((await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'port', id }])))[0]!.resource as PortSpec).dnsNames;

  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, dns_name: 'Web', dns_domain: 'example.org.', fixed_ips: [{ ip_address: '10.0.0.9' }] } }), 201);
  assert.deepEqual([port.dns_name, port.dns_domain, port.dns_assignment], ['web', 'example.org.', [{ ip_address: '10.0.0.9', hostname: 'web', fqdn: 'web.cloud.internal.' }]]);
  assert.deepEqual(await names(port.id), []);
  ok(await alice('PUT', `/ports/${port.id}`, { port: { device_id: 'something' } }));
  assert.deepEqual(await names(port.id), ['web.cloud.internal', 'web']);
  await projectDirty(parts);
  assert.equal(ok(await alice('PUT', `/networks/${network.id}`, { network: { dns_domain: 'Lan.Example.' } })).network.dns_domain, 'lan.example.');
  assert.deepEqual(await names(port.id), ['web.cloud.internal', 'web', 'web.lan.example']);
  const waiting = await database.read(projectionScope, (tx) => tx.rows`select id from network.projection where kind = 'port' and id = ${port.id} and dirty_since is not null`);
  assert.equal(waiting.length, 1, 'the engine is told of the new domain');
  const whole = ok(await alice('PUT', `/ports/${port.id}`, { port: { dns_name: 'db.cloud.internal.' } })).port;
  assert.deepEqual(whole.dns_assignment, [{ ip_address: '10.0.0.9', hostname: 'db.cloud.internal.', fqdn: 'db.cloud.internal.' }]);
  assert.deepEqual(await names(port.id), ['db.cloud.internal', 'db.lan.example']);

  const { port: nameless } = ok(await alice('POST', '/ports', { port: { network_id: network.id, device_id: 'something', fixed_ips: [{ ip_address: '10.0.0.10' }] } }), 201);
  assert.deepEqual(nameless.dns_assignment, [{ ip_address: '10.0.0.10', hostname: 'host-10-0-0-10', fqdn: 'host-10-0-0-10.cloud.internal.' }]);
  assert.deepEqual(await names(nameless.id), []);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});

test('a name that DNS would not carry is refused', async (t) => {
  const { alice, lan, external } = await networkFixture(t);
  const { network } = await lan();
  for (const dns_name of ['-web', 'web-', 'a b', 'a..b', `${'a'.repeat(64)}`, 'web.1', 'web.example.org.', 'cloud.internal.', `${'a.'.repeat(120)}b`])
    assert.deepEqual(refusal(await alice('POST', '/ports', { port: { network_id: network.id, dns_name } })), [400, 'HTTPBadRequest'], dns_name);
  for (const dns_domain of ['example.org', '-a.', 'a b.', '<project_id>.example.'])
    assert.deepEqual(refusal(await alice('PUT', `/networks/${network.id}`, { network: { dns_domain } })), [400, 'HTTPBadRequest'], dns_domain);
  await external();
  const [{ id: floating_network_id }] = ok(await alice('GET', '/networks?name=public')).networks;
  assert.deepEqual(refusal(await alice('POST', '/floatingips', { floatingip: { floating_network_id, dns_name: 'web', dns_domain: 'example.org.' } })), [400, 'BadRequest']);
});
