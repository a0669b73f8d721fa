import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NetworkSpec } from '../../drivers/driver.ts';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';
import { readProjected } from './projection.store.ts';
import { projectDirty, projectionScope } from './projection.ts';

type Shown = { id: string; used: Record<string, string>; available: number[] };

test('operators make ranges of numbers, and change and delete those of which no network has one', async (t) => {
  const { admin, alice } = await networkFixture(t);
  const path = '/network_segment_ranges';
  const make = (more: object) => admin('POST', path, { network_segment_range: { network_type: 'vlan', physical_network: 'physnet1', minimum: 100, maximum: 103, ...more } });
  const { network_segment_range: range } = ok(await make({ name: 'rack' }), 201);
  assert.deepEqual(range, {
    ...range, name: 'rack', description: '', default: false, shared: true, project_id: null, network_type: 'vlan', physical_network: 'physnet1', minimum: 100, maximum: 103, used: {}, available: [100, 101, 102, 103], revision_number: 0,
  });
  assert.deepEqual(refusal(await make({ minimum: 103, maximum: 110 })), [409, 'NetworkSegmentRangeOverlaps']);
  assert.deepEqual(refusal(await make({ minimum: 9, maximum: 8 })), [400, 'NetworkVlanRangeError']);
  assert.deepEqual(refusal(await make({ minimum: 4000, maximum: 4095 })), [400, 'NetworkVlanRangeError']);
  assert.deepEqual(refusal(await make({ physical_network: null })), [400, 'BadRequest']);
  assert.deepEqual(refusal(await make({ network_type: 'gre' })), [400, 'NetworkSegmentRangeNetTypeNotSupported']);
  assert.equal((await alice('GET', path)).status, 403);

  const { network } = ok(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet1', project_id: 'alice-project' } }), 201);
  assert.equal(network['provider:segmentation_id'], 100);
  const own = `${path}/${range.id}`;
  assert.deepEqual((({ used, available }: Shown) => [used, available])(ok(await admin('GET', own)).network_segment_range), [{ 100: 'alice-project' }, [101, 102, 103]]);
  assert.deepEqual(refusal(await admin('PUT', own, { network_segment_range: { minimum: 101 } })), [409, 'NetworkSegmentRangeReferencedByProject']);
  assert.deepEqual(refusal(await admin('DELETE', own)), [409, 'NetworkSegmentRangeReferencedByProject']);
  // neutron-tempest-plugin’s test_update_network_segment_range_failed_with_existing_range_impacted: there must be room below and above.
  assert.deepEqual(refusal(await admin('PUT', own, { network_segment_range: { maximum: 150 } })), [409, 'NetworkSegmentRangeReferencedByProject']);
  assert.deepEqual(refusal(await admin('PUT', own, { network_segment_range: { minimum: 99, maximum: 100 } })), [409, 'NetworkSegmentRangeReferencedByProject']);
  const changed = ok(await admin('PUT', own, { network_segment_range: { name: 'hall', minimum: 99, maximum: 101 } })).network_segment_range;
  assert.deepEqual([changed.name, changed.maximum, changed.available, changed.revision_number], ['hall', 101, [99, 101], 1]);
  ok(await admin('DELETE', `/networks/${network.id}`), 204);
  ok(await admin('PUT', own, { network_segment_range: { minimum: 101 } }));
  ok(await admin('DELETE', own), 204);
  assert.deepEqual(refusal(await admin('GET', own)), [404, 'NetworkSegmentRangeNotFound']);

  const { network_segment_ranges: [standard, ...others] } = ok(await admin('GET', `${path}?default=true`));
  assert.deepEqual([standard.network_type, standard.shared, standard.minimum, others], ['geneve', true, 1, []]);
  assert.deepEqual(refusal(await admin('PUT', `${path}/${standard.id}`, { network_segment_range: { name: 'mine' } })), [400, 'NetworkSegmentRangeDefaultReadOnly']);
  assert.deepEqual(refusal(await admin('DELETE', `${path}/${standard.id}`)), [400, 'NetworkSegmentRangeDefaultReadOnly']);
});

test('networks get numbers of their project’s range first, then of everybody’s, and never one twice', async (t) => {
  const { admin, alice, bob, database, parts, findings } = await networkFixture(t);
  ok(await admin('POST', '/network_segment_ranges', { network_segment_range: { network_type: 'geneve', minimum: 1, maximum: 2, shared: false, project_id: 'alice-project' } }), 201);
  const numberOf = async (ask: Ask): Promise<number> => {
    const { network } = ok(await ask('POST', '/networks', { network: {} }), 201);
    assert.equal('provider:segmentation_id' in network, false);
    return ok(await admin('GET', `/networks/${network.id}`)).network['provider:segmentation_id'];
  };
  const [first, second, third] = [await numberOf(alice), await numberOf(alice), await numberOf(alice)];
  assert.deepEqual([first, second], [1, 2]);
  assert.ok(third > 2);
  const others = await Promise.all(Array.from({ length: 10 }, () => numberOf(bob)));
  assert.equal(new Set([first, second, third, ...others]).size, 13);
  assert.ok(others.every((number) => number > 2));

  const chosen = await admin('POST', '/networks', { network: { 'provider:network_type': 'geneve', 'provider:segmentation_id': 300_000 } });
  const [projected] = await database.read(projectionScope, (tx) => readProjected(tx, [{ kind: 'network', id: ok(chosen, 201).network.id }]));
  const { tunnel, vlan } = projected!.resource as NetworkSpec;
  assert.deepEqual([tunnel, vlan], [300_000, null]);
  assert.deepEqual(refusal(await admin('POST', '/networks', { network: { 'provider:network_type': 'geneve', 'provider:segmentation_id': 300_000 } })), [409, 'TunnelIdInUse']);
  assert.deepEqual(refusal(await admin('POST', '/networks', { network: { 'provider:network_type': 'vlan', 'provider:physical_network': 'physnet9' } })), [503, 'NoNetworkAvailable']);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
});
