import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import type { servers } from '../../contract/compute/servers.ts';
import type { BodyOf } from '../../contract/contract.ts';
import type { ServerSpec } from '../../drivers/driver.ts';
import { startCloud, type TestCloud } from '../../test/cloud.ts';

test('a flavor with a disk to lose and one to swap to gives both, claims their room, and a volume comes behind them', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { alice, admin } = cloud;
  const disksOn = listenTo(cloud);
  const id = await create(cloud, await flavor(cloud, { ephemeral: 3, swap: 1500 }));

  assert.deepEqual(disksOn(id), [['ephemeral0', '/dev/vdb', 3072, 'ext4'], ['swap', '/dev/vdc', 1500, 'swap']]);
  const { allocations } = (await admin.placement.allocations.show({ params: { consumer_uuid: id } })).body;
  assert.deepEqual(Object.values(allocations).map(({ resources }) => resources), [{ DISK_GB: 1 + 3 + 2, MEMORY_MB: 64, VCPU: 1 }]);
  const volumeId = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
  await cloud.settle();
  assert.equal((await alice.compute.serverVolumes.attach({ params: { server_id: id }, body: { volumeAttachment: { volumeId } } })).body.volumeAttachment.device, '/dev/vdd');
  await cloud.settle();
  assert.deepEqual(await cloud.diagnose(), []);
});

test('several are asked for up to what the flavor has, and what is no such disk is refused in the words of Nova', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const disksOn = listenTo(cloud);
  const flavorRef = await flavor(cloud, { ephemeral: 3, swap: 512 });
  const root = { source_type: 'image', destination_type: 'local', boot_index: 0, uuid: cloud.imageId } as const;
  const blank = (wish: object) => ({ source_type: 'blank', destination_type: 'local', boot_index: -1, ...wish }) as const;

  const id = await create(cloud, flavorRef, [root, blank({ volume_size: 2, guest_format: 'ext3' }), blank({ volume_size: 1 })]);

  assert.deepEqual(disksOn(id), [['ephemeral0', '/dev/vdb', 2048, 'ext3'], ['ephemeral1', '/dev/vdc', 1024, 'ext4'], ['swap', '/dev/vdd', 512, 'swap']]);
  const swap = (size: number) => blank({ guest_format: 'swap', volume_size: size });
  for (const [disks, why] of [
    [[root, blank({ volume_size: 4 })], /^Ephemeral disks requested are larger than the instance type allows/],
    [[root, swap(513)], /^Swap drive requested is larger than instance type allows/],
    [[root, swap(1), swap(1)], /More than one swap drive requested/],
    [[root, blank({ volume_size: 1 }), blank({ volume_size: 1 }), blank({ volume_size: 1 })], /You specified more local devices than the limit allows/],
    [[root, blank({ volume_size: 1, guest_format: 'floppy' })], /not formatted as floppy/],
    [[root, blank({ volume_size: 1, volume_type: 'x' })], /volume_type with destination_type=local/],
    [[{ ...root, boot_index: 1 }], /Mapping image to local is not supported/],
  ] as const)
    await assert.rejects(create(cloud, flavorRef, [...disks]), (error: { status: number; message: string }) => error.status === 400 && why.test(error.message.replace(/^.*?(?=Ephemeral|Swap|Block)/s, '')));
});

test('a resize brings the swap of its flavor, takes none of what a disk holds, and goes back', async (t) => {
  const cloud = await startCloud(t, { hosts: 1 });
  const { alice } = cloud;
  const disksOn = listenTo(cloud);
  const id = await create(cloud, await flavor(cloud, { ephemeral: 2, swap: 512 }));
  const params = { server_id: id };
  const resize = async (flavorRef: string) => alice.compute.serverActions.resize({ params, body: { resize: { flavorRef } } });

  await assert.rejects(resize(await flavor(cloud, { ephemeral: 1, swap: 512 })), { status: 400 });
  await resize(await flavor(cloud, { ephemeral: 4, swap: 1024 }));
  await cloud.settle();
  assert.deepEqual(disksOn(id), [['ephemeral0', '/dev/vdb', 2048, 'ext4'], ['swap', '/dev/vdc', 1024, 'swap']]);
  await alice.compute.serverActions.revertResize({ params, body: { revertResize: null } });
  await cloud.settle();

  assert.deepEqual(disksOn(id), [['ephemeral0', '/dev/vdb', 2048, 'ext4'], ['swap', '/dev/vdc', 512, 'swap']]);
  assert.deepEqual(await cloud.diagnose(), []);
});

type Disks = BodyOf<typeof servers.create>['server']['block_device_mapping_v2'];

async function flavor({ admin }: TestCloud, { ephemeral, swap }: { ephemeral: number; swap: number }): Promise<string> {
  const { body } = await admin.compute.flavors.create({ body: { flavor: { name: `with ${ephemeral} and ${swap}`, ram: 64, vcpus: 1, disk: 1, 'OS-FLV-EXT-DATA:ephemeral': ephemeral, swap } } });
  return body.flavor.id;
}

async function create({ alice, imageId, settle }: TestCloud, flavorRef: string, disks?: Disks): Promise<string> {
  const { body } = await alice.client(compute).servers.create({ body: { server: { name: 'web', flavorRef, imageRef: imageId, networks: 'none', ...(disks ? { block_device_mapping_v2: disks } : {}) } } });
  await settle();
  return 'server' in body ? body.server.id : assert.fail();
}

/** As the driver was last told of each server. */
function listenTo({ driver }: TestCloud): (id: string) => unknown[] {
  const told = new Map<string, ServerSpec>();
  const { ensure } = driver.servers;
  driver.servers.ensure = (spec) => {
    told.set(spec.id, spec);
    return ensure(spec);
  };
  return (id) => (told.get(id)?.localDisks ?? []).map(({ name, device, sizeMiB, format }) => [name, device, sizeMiB, format]);
}
