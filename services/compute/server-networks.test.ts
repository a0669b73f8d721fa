import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { servers } from '../../contract/compute/servers.ts';
import { compute } from '../../contract/compute/service.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';
import { serverSpec } from './server-spec.ts';

test('a server that leaves its network to the cloud is given one, or told that there can be none', async (t) => {
  const cloud = await startCloud(t);
  const { alice, admin } = cloud;

  const outside = (await admin.network.networks.list({ query: { 'router:external': 'true' } as never })).body.networks[0];
  const sayWhether = (isDefault: boolean) => admin.network.networks.update({ params: { network_id: outside?.id ?? '' }, body: { network: { is_default: isDefault } } });
  await sayWhether(false);
  await assert.rejects(create(cloud, 'auto'), { status: 400 });
  await sayWhether(true);
  const id = await create(cloud, 'auto');
  await cloud.settle();

  const { server } = (await alice.client(compute).servers.show({ params: { server_id: id } })).body;
  assert.equal(server.status, 'ACTIVE', JSON.stringify(server.fault));
  assert.match(server.addresses['auto_allocated_network']?.[0]?.addr ?? '', /^10\.1/);
  assert.deepEqual(await cloud.diagnose(), []);
});

test('a server without a network has none', async (t) => {
  const cloud = await startCloud(t);
  const id = await create(cloud, 'none');
  await cloud.settle();

  assert.deepEqual((await cloud.alice.client(compute).servers.show({ params: { server_id: id } })).body.server.addresses, {});
});

test('a guest is told what its devices are called by their owner', async (t) => {
  const cloud = await startCloud(t);
  const { alice } = cloud;
  const newest = alice.client(compute);
  const { network } = (await alice.network.networks.create({ body: { network: { name: 'private' } } })).body;
  await alice.network.subnets.create({ body: { subnet: { network_id: network?.id ?? '', ip_version: 4, cidr: '10.1.0.0/24' } } });
  const id = await create(cloud, [{ uuid: network?.id ?? '', tag: 'front' }]);
  const params = { server_id: id };
  const { volume } = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body;
  await cloud.settle();
  const { volumeAttachment } = (await newest.serverVolumes.attach({ params, body: { volumeAttachment: { volumeId: volume.id, tag: 'data' } } })).body;
  await cloud.settle();

  const [port] = (await newest.serverInterfaces.list({ params })).body.interfaceAttachments;
  const { metadata } = await cloud.cloud.region.database.read({ kind: 'system', reason: 'a test' }, (tx) => serverSpec(tx, id));

  assert.deepEqual([port?.tag, volumeAttachment.tag], ['front', 'data']);
  assert.deepEqual(metadata.devices, [
    { type: 'nic', mac: port?.mac_addr, tags: ['front'] },
    { type: 'disk', serial: volume.id, path: '/dev/vdb', tags: ['data'] },
  ]);
});

type Networks = BodyOf<typeof servers.create>['server']['networks'];

async function create({ alice, imageId }: TestCloud, networks: Networks): Promise<string> {
  const { body } = await alice.client(compute).servers.create({ body: { server: { name: 'web', flavorRef: '1', imageRef: imageId, ...(networks === undefined ? {} : { networks }) } } });
  return 'server' in body ? body.server.id : assert.fail();
}
