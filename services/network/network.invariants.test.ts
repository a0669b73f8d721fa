import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkFixture, ok } from './network.fixture.ts';
import { projectDirty, projectionScope } from './projection.ts';

test('each invariant finds what it is there to find', async (t) => {
  const { alice, lan, parts, database, driver, findings } = await networkFixture(t);
  const { network } = await lan();
  const { port } = ok(await alice('POST', '/ports', { port: { network_id: network.id } }), 201);
  await projectDirty(parts);
  assert.deepEqual(await findings(), []);
  const spoil = (work: string) => database.transaction(projectionScope, (tx) => tx.script(work));
  const found = async () => (await findings()).map(({ message }) => message);

  await driver.networks.remove([{ kind: 'port', id: port.id, generation: 1e6 }]);
  assert.deepEqual(await found(), [`The port ${port.id} is missing in the network engine: It is not there`]);
  await spoil(`update network.projection set dirty_since = now() - interval '1 hour' where kind = 'port'`);
  assert.match((await found()).join(), /^The network engine has not been told of the port [0-9a-f-]{36} since [^,]+$/);
  await spoil(`update quota.claim set used = 7 where resource = 'network.port'`);
  assert.match((await found()).join(), /The project alice-project is counted 7 network.port and has 1/);
  await spoil(`update network.allocation set address = '192.0.2.1' where port_id = '${port.id}'`);
  assert.match((await found()).join(), new RegExp(`The address 192\\.0\\.2\\.1 of the port ${port.id} does not belong to the network ${network.id}`));
});
