import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compute } from '../../contract/compute/service.ts';
import { startCloud } from '../../test/cloud.ts';
import { registerHosts } from '../placement/claims.ts';
import { listHosts } from '../placement/hosts.ts';

const scope = { kind: 'system', reason: 'test' } as const;

test('from and to a machine of its own a server goes switched off and without volumes, and is told so', async (t) => {
  const { admin, cloud, settle, imageId } = await startCloud(t, { hosts: 2 });
  const { database, clock } = cloud.region;
  const hosts = await database.read(scope, listHosts);
  const [here, apart] = [hosts[0]!, hosts[1]!];
  const setApart = () => database.transaction(scope, (tx) => registerHosts(tx, [here.report, { ...apart.report, apart: true }], clock.now()));
  await admin.compute.flavors.create({ body: { flavor: { id: 'swapping', name: 'swapping', vcpus: 1, ram: 256, disk: 1, swap: 64 } } });
  const make = async (hostname: string, flavorRef = '1') => {
    const { body } = await admin.compute.servers.create({ body: { server: { name: 'web', flavorRef, imageRef: imageId, availability_zone: `nova:${hostname}` } } });
    await settle();
    return 'server' in body ? { server_id: body.server.id } : assert.fail();
  };
  const [onHere, onApart, withVolume] = [await make(here.hostname), await make(apart.hostname), await make(here.hostname)];
  const [swapping, swappingApart] = [await make(here.hostname, 'swapping'), await make(apart.hostname, 'swapping')];
  const { volume } = (await admin.volume.volumes.create({ params: { project_id: admin.projectId }, body: { volume: { size: 1 } } })).body;
  await settle();
  await admin.compute.serverVolumes.attach({ params: withVolume, body: { volumeAttachment: { volumeId: volume.id } } });
  await settle();
  const early = admin.client(compute, undefined, '2.24').serverActions;
  const live = async (params: { server_id: string }) => (await setApart(), early.migrateLive({ params, body: { 'os-migrateLive': { host: null, block_migration: false, disk_over_commit: false } } }));
  const cold = async (params: { server_id: string }) => (await setApart(), admin.compute.serverActions.migrate({ params, body: { migrate: null } }));

  await assert.rejects(live(onApart), { status: 400, body: { badRequest: { code: 400, message: `Migration pre-check error: the disk of instance ${onApart.server_id} is a file of its host, a machine of its own: it moves only when it is switched off, by a cold migration` } } });
  await assert.rejects(live(onHere), { status: 400 });
  await assert.rejects(cold(withVolume), { status: 400 });
  await assert.rejects(cold(swapping), { status: 400, message: /No valid host/ });
  await assert.rejects(cold(swappingApart), { status: 400, message: /has disks beside its root/ });
  await cold(onHere);
  await settle();

  const { server } = (await admin.compute.servers.show({ params: onHere })).body;
  assert.deepEqual([server['OS-EXT-SRV-ATTR:host'], server.status], [apart.hostname, 'VERIFY_RESIZE']);
});
