import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../contract/client.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import { startCloud, type Person, type TestCloud } from '../../test/cloud.ts';

const of = (cloud: TestCloud, person: Person) => createClient(metering, { base: 'http://cloud.example', token: () => person.token(), fetch: cloud.fetch }).usage;

/** Lets time pass until the cloud's own meter has told home. */
async function meter(cloud: TestCloud, ms: number): Promise<void> {
  assert.ok('advance' in cloud.clock);
  (cloud.clock as { advance(ms: number): void }).advance(ms);
  await cloud.settle();
}

test("a server's life is in the usage of its project, to the millisecond, and in nobody else's", async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, admin } = cloud;
  const network = (await alice.network.networks.create({ body: { network: { name: 'n' } } })).body.network?.id ?? '';
  await alice.network.subnets.create({ body: { subnet: { network_id: network, ip_version: 4, cidr: '10.1.0.0/24' } } });
  const { flavors } = (await alice.compute.flavors.list()).body;
  const { body } = await alice.compute.servers.create({ body: { server: { name: 's', imageRef: cloud.imageId, flavorRef: flavors[0]!.id, networks: [{ uuid: network }] } } });
  assert.ok('server' in body);
  const server_id = body.server.id;
  await cloud.settle();
  await meter(cloud, 600_000);
  await alice.compute.servers.delete({ params: { server_id } });
  await cloud.settle();

  for (let rounds = 0; rounds < 20; rounds++) {
    await meter(cloud, 6_000);
    const { records } = (await of(cloud, alice).records({ query: { resource_id: server_id } })).body;
    if (records.at(-1)?.current === null) break;
  }

  const { records } = (await of(cloud, alice).records({ query: { resource_id: server_id } })).body;
  assert.deepEqual([records[0]?.previous, records[0]?.current, records.at(-1)?.current], [null, 'BUILD', null]);
  const { server } = { server: records.filter(({ previous }) => previous === 'ACTIVE') };
  assert.ok(server.reduce((sum, { seconds }) => sum + Number(seconds), 0) >= 600);
  assert.equal(records[0]?.flavor, flavors[0]!.name);
  const { usage } = (await of(cloud, alice).list()).body;
  assert.ok(usage.some(({ resource, state }) => resource === 'server' && state === 'ACTIVE'));
  assert.deepEqual((await of(cloud, bob).records({ query: { resource_id: server_id } })).body.records, []);
  assert.equal((await of(cloud, admin).records({ query: { resource_id: server_id, project_id: alice.projectId } })).body.records.length, records.length);
  await assert.rejects(of(cloud, bob).list({ query: { project_id: alice.projectId } }), { status: 400 });
  assert.deepEqual(await cloud.diagnose(), []);
});
