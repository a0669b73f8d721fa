import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok } from './network.fixture.ts';

test('a port gets an address at once beside a long run of used ones, and the last free one of a pool', { timeout: 120_000 }, async (t) => {
  const { alice, lan, database } = await networkFixture(t);
  const { network, subnet } = await lan(alice, '10.0.0.0/12');
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  const scope = { kind: 'system', reason: 'test' } as const;
  // Nearly the whole pool, side by side: what is left has to be found.
  const used = 20_000;
  await database.transaction(scope, (tx) => tx.run`
    insert into network.allocation (network_id, address, subnet_id, port_id)
    select ${network.id}, '10.0.1.0'::inet + n, ${subnet.id}, ${port.id} from generate_series(1, ${used}::int) n on conflict do nothing`);
  const begun = await database.transaction(scope, async (tx) => {
    await tx.run`update network.pool set last = '10.0.1.0'::inet + ${used + 10}::int where subnet_id = ${subnet.id}`;
    return tx.rows<{ address: string }>`select host(network.allocate(${network.id}, ${subnet.id}, ${port.id}, n / 20.0::float8)) as address from generate_series(0, 5) n`;
  });
  assert.equal(new Set(begun.map(({ address }) => address)).size, 6, 'another one each time, though nearly all are used');
  const small = ok(await alice('POST', '/networks', { network: {} }), 201).network;
  ok(await alice('POST', '/subnets', { subnet: { network_id: small.id, ip_version: 4, cidr: '10.16.0.0/28' } }), 201);
  const addresses = new Set<string>();
  for (let count = 0; count < 12; count++) addresses.add(ok(await alice('POST', '/ports', { port: { network_id: small.id } }), 201).port.fixed_ips[0].ip_address);
  assert.equal(addresses.size, 12);
  assert.equal((await alice('POST', '/ports', { port: { network_id: small.id } })).status, 409);
});
