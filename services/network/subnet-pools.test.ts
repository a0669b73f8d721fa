import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compacted, firstFree, formatBlock, overlap, parseBlock, within } from './addresses.ts';
import { networkFixture, ok, refusal, type Ask } from './network.fixture.ts';

const make = async (ask: Ask, pool: object) => ok(await ask('POST', '/subnetpools', { subnetpool: { name: 'pool', prefixes: ['10.0.0.0/16'], ...pool } }), 201).subnetpool;
const networkOf = async (ask: Ask) => ok(await ask('POST', '/networks', { network: {} }), 201).network.id;

test('a pool of subnets is made, listed, changed and deleted as Neutron does it', async (t) => {
  const { alice, bob, findings } = await networkFixture(t);

  const pool = await make(alice, { prefixes: ['10.1.0.0/24', '10.0.0.0/16', '10.1.1.0/24'], default_prefixlen: '26' });
  assert.deepEqual(pool, {
    id: pool.id, name: 'pool', description: '', project_id: 'alice-project', tenant_id: 'alice-project', prefixes: ['10.0.0.0/16', '10.1.0.0/23'], ip_version: 4,
    default_prefixlen: '26', min_prefixlen: '8', max_prefixlen: '32', default_quota: null, address_scope_id: null, is_default: false, shared: false, tags: [], revision_number: 0, created_at: pool.created_at, updated_at: pool.created_at,
  });
  assert.equal(ok(await alice('GET', '/subnetpools?name=pool&ip_version=4&fields=id')).subnetpools[0].id, pool.id);
  assert.deepEqual(ok(await bob('GET', '/subnetpools')).subnetpools, []);
  ok(await alice('PUT', `/subnetpools/${pool.id}/tags/mine`), 201);
  assert.equal(ok(await alice('PUT', `/subnetpools/${pool.id}`, { subnetpool: { name: 'new', prefixes: ['10.0.0.0/8'] } })).subnetpool.prefixes[0], '10.0.0.0/8');
  assert.deepEqual(refusal(await alice('PUT', `/subnetpools/${pool.id}`, { subnetpool: { prefixes: ['10.0.0.0/16'] } })), [400, 'IllegalSubnetPoolUpdate']);
  ok(await alice('DELETE', `/subnetpools/${pool.id}`), 204);
  assert.deepEqual(refusal(await alice('GET', `/subnetpools/${pool.id}`)), [404, 'SubnetPoolNotFound']);
  assert.deepEqual(await findings(), []);
});

test('subnets take what is free in their pool, and give it back', async (t) => {
  const { alice, findings } = await networkFixture(t);
  const pool = await make(alice, { prefixes: ['10.0.0.0/24'], default_prefixlen: 26, min_prefixlen: 25 });
  const take = async (more: object = {}) => alice('POST', '/subnets', { subnet: { network_id: await networkOf(alice), ip_version: 4, subnetpool_id: pool.id, ...more } });

  const { subnet: first } = ok(await take(), 201);
  assert.deepEqual([first.cidr, first.gateway_ip, first.subnetpool_id], ['10.0.0.0/26', '10.0.0.1', pool.id]);
  assert.equal(ok(await take({ prefixlen: 25 }), 201).subnet.cidr, '10.0.0.128/25');
  assert.deepEqual(refusal(await take({ cidr: '10.0.0.32/27' })), [409, 'SubnetAllocationError']);
  assert.deepEqual(refusal(await take({ prefixlen: 24 })), [400, 'MinPrefixSubnetAllocationError']);
  assert.equal(ok(await take({ cidr: '10.0.0.64/26' }), 201).subnet.cidr, '10.0.0.64/26');
  assert.deepEqual(refusal(await take({ prefixlen: 30 })), [409, 'SubnetAllocationError']);
  assert.deepEqual(refusal(await alice('DELETE', `/subnetpools/${pool.id}`)), [400, 'SubnetPoolDeleteError']);
  assert.deepEqual(ok(await alice('GET', `/subnets?subnetpool_id=${pool.id}&cidr=10.0.0.0/26`)).subnets.map((each: { id: string }) => each.id), [first.id]);
  ok(await alice('DELETE', `/subnets/${first.id}`), 204);
  assert.equal(ok(await take(), 201).subnet.cidr, '10.0.0.0/26');
  assert.deepEqual(refusal(await alice('POST', '/subnets', { subnet: { network_id: first.network_id, ip_version: 6, subnetpool_id: pool.id } })), [400, 'PrefixVersionMismatch']);
  assert.deepEqual(await findings(), []);
});

test('of a shared pool two projects never get the same, each no more than its share', async (t) => {
  const { alice, bob, admin } = await networkFixture(t);
  const pool = await make(admin, { prefixes: ['10.0.0.0/24'], shared: true, is_default: true, default_prefixlen: 26, default_quota: 128 });
  const take = async (ask: Ask, wish: object = { subnetpool_id: pool.id }) => ask('POST', '/subnets', { subnet: { network_id: await networkOf(ask), ip_version: 4, ...wish } });

  const replies = await Promise.all([alice, bob, alice, bob].map((ask) => take(ask)));
  const cidrs = replies.map((reply) => ok(reply, 201).subnet.cidr);
  assert.deepEqual(cidrs.toSorted((one, other) => (one < other ? -1 : 1)), ['10.0.0.0/26', '10.0.0.128/26', '10.0.0.192/26', '10.0.0.64/26']);
  assert.deepEqual(refusal(await take(alice)), [409, 'SubnetPoolQuotaExceeded']);
  assert.deepEqual(refusal(await bob('PUT', `/subnetpools/${pool.id}`, { subnetpool: { name: 'mine' } })), [403, 'PolicyNotAuthorized']);
  assert.deepEqual(refusal(await take(alice, { use_default_subnetpool: true, subnetpool_id: pool.id })), [400, 'BadRequest']);
  assert.deepEqual(refusal(await alice('POST', '/subnetpools', { subnetpool: { name: 'p', prefixes: ['10.0.0.0/8'], shared: true } })), [403, 'PolicyNotAuthorized']);
  const second = await admin('POST', '/subnetpools', { subnetpool: { name: 'p', prefixes: ['10.9.0.0/16'], is_default: true } });
  assert.deepEqual(refusal(second), [400, 'InvalidInput']);
  ok(await bob('DELETE', `/subnets/${replies[1]!.body.subnet.id}`), 204);
  assert.equal(ok(await take(bob, { use_default_subnetpool: true }), 201).subnet.subnetpool_id, pool.id);
});

test('a network takes all its subnets of a version from one pool', async (t) => {
  const { alice, lan } = await networkFixture(t);
  const { network } = await lan();
  const pool = await make(alice, { prefixes: ['10.50.0.0/16'], default_prefixlen: 24 });

  assert.deepEqual(refusal(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, subnetpool_id: pool.id } })), [400, 'NetworkSubnetPoolAffinityError']);
});

test('what a pool may not be is refused', async (t) => {
  const { alice } = await networkFixture(t);

  for (const [wrong, name] of [
    [{ prefixes: [] }, 'EmptySubnetPoolPrefixList'],
    [{ prefixes: ['10.0.0.0/8', 'fd00::/48'] }, 'PrefixVersionMismatch'],
    [{ prefixes: ['ten'] }, 'HTTPBadRequest'],
    [{ min_prefixlen: 28, max_prefixlen: 24 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ max_prefixlen: 33 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ default_prefixlen: 4 }, 'IllegalSubnetPoolPrefixBounds'],
    [{ default_quota: -1 }, 'HTTPBadRequest'],
  ] as const)
    assert.deepEqual(refusal(await alice('POST', '/subnetpools', { subnetpool: { name: 'pool', prefixes: ['10.0.0.0/16'], ...wrong } })), [400, name], JSON.stringify(wrong));
});

test('the first free block is free, and there is none only when nothing fits', () => {
  const block = fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 })).map(([low, prefix]) => parseBlock(`10.0.0.${low}/${prefix}`)!);
  fc.assert(
    fc.property(fc.array(block, { maxLength: 8 }), fc.integer({ min: 24, max: 32 }), (taken, prefix) => {
      const pool = parseBlock('10.0.0.0/24')!;
      const found = firstFree([pool], taken, prefix);
      const every = Array.from({ length: 2 ** (prefix - 24) }, (_, index) => parseBlock(`10.0.0.${index * 2 ** (32 - prefix)}/${prefix}`)!);
      assert.deepEqual(found, every.find((each) => !taken.some((other) => overlap(each, other))));
    }),
  );
  fc.assert(
    fc.property(fc.array(block, { minLength: 1, maxLength: 12 }), (blocks) => {
      const few = compacted(blocks);
      for (const each of blocks) assert.ok(few.some((kept) => within(each, kept)), formatBlock(each));
      assert.equal(new Set(few.map(formatBlock)).size, few.length);
      assert.ok(few.every((one, at) => few.every((other, index) => at === index || !overlap(one, other))));
    }),
  );
});

test('prefixes are added to a pool and removed from it one by one, as long as nothing of them is taken', async (t) => {
  const { alice, findings } = await networkFixture(t);
  const { subnetpool: pool } = ok(await alice('POST', '/subnetpools', { subnetpool: { name: 'pool', prefixes: ['10.0.0.0/24'] } }), 201);
  const change = (what: 'add' | 'remove', prefixes: string[]) => alice('PUT', `/subnetpools/${pool.id}/${what}_prefixes`, { prefixes });

  assert.deepEqual(ok(await change('add', ['10.0.1.0/24', '10.9.0.0/16'])).prefixes, ['10.0.0.0/23', '10.9.0.0/16']);
  assert.deepEqual(ok(await change('remove', ['10.9.128.0/17', '10.77.0.0/16'])).prefixes, ['10.0.0.0/23', '10.9.0.0/17']);
  const { network } = ok(await alice('POST', '/networks', { network: {} }), 201);
  ok(await alice('POST', '/subnets', { subnet: { network_id: network.id, ip_version: 4, subnetpool_id: pool.id, cidr: '10.0.1.0/24' } }), 201);
  assert.deepEqual(refusal(await change('remove', ['10.0.0.0/23'])), [400, 'IllegalSubnetPoolPrefixUpdate']);
  assert.deepEqual(ok(await change('remove', ['10.0.0.0/24'])).prefixes, ['10.0.1.0/24', '10.9.0.0/17']);
  assert.deepEqual(refusal(await change('add', ['fd00::/48'])), [400, 'PrefixVersionMismatch']);
  assert.deepEqual(await findings(), []);
});

test('subnets that were made without a pool are taken into one', async (t) => {
  const { alice, bob, lan, findings } = await networkFixture(t);
  const { network, subnet } = await lan();
  const { subnetpool: pool } = ok(await alice('POST', '/subnetpools', { subnetpool: { name: 'pool', prefixes: ['10.8.0.0/16'] } }), 201);

  assert.deepEqual(refusal(await bob('PUT', `/subnetpools/${pool.id}/onboard_network_subnets`, { network_id: network.id })), [404, 'NetworkNotFound']);
  assert.deepEqual(ok(await alice('PUT', `/subnetpools/${pool.id}/onboard_network_subnets`, { network_id: network.id })), [{ id: subnet.id, cidr: '10.0.0.0/24' }]);
  assert.equal(ok(await alice('GET', `/subnets/${subnet.id}`)).subnet.subnetpool_id, pool.id);
  assert.deepEqual(ok(await alice('GET', `/subnetpools/${pool.id}`)).subnetpool.prefixes, ['10.0.0.0/24', '10.8.0.0/16']);
  assert.deepEqual(refusal(await alice('PUT', `/subnetpools/${pool.id}/onboard_network_subnets`, { network_id: network.id })), [400, 'IllegalSubnetPoolUpdate']);
  assert.deepEqual(await findings(), []);
});
