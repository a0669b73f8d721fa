import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startCloud } from '../../test/cloud.ts';

test('of many who attach volumes at once each volume gets one place, of its own, and lists are whole meanwhile (FAILURES 6)', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const make = async (name: string) => {
    const { body } = await alice.compute.servers.create({ body: { server: { name, flavorRef: '1', imageRef: cloud.imageId, networks: [] } } });
    return 'server' in body ? body.server.id : assert.fail();
  };
  const servers = [await make('web'), await make('shop')];
  const volumes = await Promise.all(Array.from({ length: 5 }, async () => (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id));
  await cloud.settle();
  const listOf = async (server_id: string) => (await alice.compute.serverVolumes.list({ params: { server_id } })).body.volumeAttachments;

  // Each volume five times for each of the two servers: 50.
  const attempts = Array.from({ length: 5 }, () => servers.flatMap((server_id) => volumes.map((volumeId) => ({ server_id, volumeId })))).flat();
  const [answers, seen] = await Promise.all([
    Promise.allSettled(attempts.map(({ server_id, volumeId }) => alice.compute.serverVolumes.attach({ params: { server_id }, body: { volumeAttachment: { volumeId } } }))),
    Promise.all(attempts.map(({ server_id }) => listOf(server_id))),
  ]);
  await cloud.settle();

  const given = answers.filter(({ status }) => status === 'fulfilled').length;
  const refusals = answers.flatMap((each) => (each.status === 'rejected' ? [(each.reason as { status: number }).status] : []));
  assert.deepEqual([...new Set(refusals)].filter((status) => ![400, 409].includes(status)), []);
  for (const attached of seen) assert.equal(new Set(attached.map(({ device }) => device)).size, attached.length);
  const lists = await Promise.all(servers.map(listOf));
  for (const attached of lists) assert.equal(new Set(attached.map(({ device }) => device)).size, attached.length);
  const there = lists.flat().map(({ volumeId }) => volumeId);
  assert.deepEqual([there.length, new Set(there).size, given], [volumes.length, volumes.length, volumes.length]);
  const machines = await cloud.driver.servers.list();
  for (const [index, id] of servers.entries()) assert.deepEqual(machines.find((machine) => machine.id === id)?.volumes.toSorted(), lists[index]?.map(({ volumeId }) => volumeId).toSorted());
  assert.deepEqual(await cloud.diagnose(), []);
});
