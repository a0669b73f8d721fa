import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok, refusal } from './network.fixture.ts';

test('a port is tagged as it is made, and gets more tags at once', async (t) => {
  const { alice, reader, lan } = await networkFixture(t);
  const { network } = await lan();
  const { ports } = ok(await alice('POST', '/ports', { ports: [{ network_id: network.id, tags: ['red', 'blue'] }, { network_id: network.id }] }), 201);
  assert.deepEqual(ports.map((port: { tags: string[] }) => port.tags), [['blue', 'red'], []]);
  assert.deepEqual(ok(await alice('POST', `/ports/${ports[0].id}/tags`, { tags: ['red', 'green'] }), 201).tags, ['red', 'green']);
  assert.deepEqual(ok(await alice('GET', `/ports/${ports[0].id}/tags`)).tags, ['blue', 'green', 'red']);
  assert.deepEqual(refusal(await reader('POST', `/ports/${ports[0].id}/tags`, { tags: ['x'] }))[0], 403);
});

test('a port without a MAC address in its wish gets another one', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id, mac_address: null } }), 201);
  const { port: other } = ok(await alice('PUT', `/ports/${port.id}`, { port: { mac_address: null } }));
  assert.match(other.mac_address, /^fa:16:3e:/);
  assert.notEqual(other.mac_address, port.mac_address);
});
