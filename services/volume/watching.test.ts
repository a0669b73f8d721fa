import assert from 'node:assert/strict';
import { test } from 'node:test';
import { volume as contract } from '../../contract/volume/service.ts';
import { startCloud, type Person } from '../../test/cloud.ts';
import { watch, watchable, type Watch } from '../../test/watcher.ts';

test('whoever watches a list of volumes, of what belongs to them, or of what they are on is told what happens', async (t) => {
  const cloud = await startCloud(t);
  const { alice, bob, admin } = cloud;
  const volume_id = (await alice.volume.volumes.create({ body: { volume: { size: 1 } } })).body.volume.id;
  await cloud.settle();
  const snapshot_id = (await alice.volume.snapshots.create({ body: { snapshot: { volume_id } } })).body.snapshot.id;
  await cloud.settle();
  const secret = (await admin.volume.types.create({ body: { volume_type: { name: 'secret', 'os-volume-type-access:is_public': false } } })).body.volume_type.id;

  const watches = new Map<string, Watch>();
  const begin = async (name: string, who: Person, path: string) => void watches.set(`volumev3.${name}`, await watch(t, cloud, who, `/volume/v3${path}`, { 'openstack-api-version': 'volume latest' }));
  for (const [noun, path] of [['volumes', '/volumes'], ['snapshots', '/snapshots'], ['attachments', '/attachments'], ['transfers', '/os-volume-transfer'], ['volumeTransfers', '/volume-transfers']] as const) {
    await begin(`${noun}.list`, alice, path);
    await begin(`${noun}.detail`, alice, `${path}/detail`);
  }
  for (const name of ['list', 'detail']) await begin(`backups.${name}`, alice, name === 'list' ? '/backups' : '/backups/detail');
  for (const [noun, path] of [['groups', '/groups'], ['groupSnapshots', '/group_snapshots'], ['consistencyGroups', '/consistencygroups'], ['cgSnapshots', '/cgsnapshots']] as const) for (const name of ['list', 'detail']) await begin(`${noun}.${name}`, alice, name === 'list' ? path : `${path}/detail`);
  const { id: kind } = (await admin.volume.groupTypes.create({ body: { group_type: { name: 'kind' } } })).body.group_type;
  await begin('groupTypes.list', alice, '/group_types');
  await begin('groupTypes.specs', admin, `/group_types/${kind}/group_specs`);
  const { id: qos_id } = (await admin.volume.qosSpecs.create({ body: { qos_specs: { name: 'slow' } } })).body.qos_specs;
  await begin('defaultTypes.list', admin, '/default-types');
  await begin('qosSpecs.list', admin, '/qos-specs');
  await begin('qosSpecs.associations', admin, `/qos-specs/${qos_id}/associations`);
  await begin('volumes.summary', alice, '/volumes/summary');
  await begin('volumes.metadata', alice, `/volumes/${volume_id}/metadata`);
  await begin('snapshots.metadata', alice, `/snapshots/${snapshot_id}/metadata`);
  await begin('messages.list', alice, '/messages');
  await begin('types.list', bob, '/types');
  await begin('types.specs', admin, `/types/${secret}/extra_specs`);
  await begin('types.access', admin, `/types/${secret}/os-volume-type-access`);
  await begin('services.list', admin, '/os-services');
  await begin('hosts.list', admin, '/os-hosts');
  await begin('pools.list', admin, '/scheduler-stats/get_pools?detail=true');
  for (const [noun, path] of [['manageableVolumes', '/manageable_volumes'], ['volumeManage', '/os-volume-manage'], ['manageableSnapshots', '/manageable_snapshots'], ['snapshotManage', '/os-snapshot-manage']] as const)
    for (const name of ['list', 'detail']) await begin(`${noun}.${name}`, admin, `${path}${name === 'list' ? '' : '/detail'}?host=intercloud@storage`);
  assert.deepEqual([...watches.keys()].toSorted(), watchable(contract).toSorted());

  const { volumes, snapshots, attachments, transfers } = alice.volume;
  await volumes.addMetadata({ params: { volume_id }, body: { metadata: { purpose: 'data' } } });
  await snapshots.addMetadata({ params: { snapshot_id }, body: { metadata: { purpose: 'data' } } });
  const { id } = (await volumes.create({ body: { volume: { size: 5 } } })).body.volume;
  await cloud.settle();
  const snapshot = (await snapshots.create({ body: { snapshot: { volume_id: id } } })).body.snapshot;
  await cloud.settle();
  const { group } = (await alice.volume.groups.create({ body: { group: { group_type: kind, volume_types: ['__DEFAULT__'] } } })).body;
  await cloud.settle();
  await alice.volume.volumes.create({ body: { volume: { size: 1, group_id: group.id, volume_type: '__DEFAULT__' } } });
  await cloud.settle();
  await admin.volume.groupTypes.addSpecs({ params: { group_type_id: kind }, body: { group_specs: { purpose: 'data' } } });
  const groupSnapshot = (await alice.volume.groupSnapshots.create({ body: { group_snapshot: { group_id: group.id } } })).body.group_snapshot;
  await admin.volume.qosSpecs.associate({ params: { qos_id }, query: { vol_type_id: secret } });
  await admin.volume.defaultTypes.set({ params: { project_id: bob.projectId }, body: { default_type: { volume_type: '__DEFAULT__' } } });
  const backup = (await alice.volume.backups.create({ body: { backup: { volume_id: id } } })).body.backup;
  await cloud.settle();
  const { attachment } = (await attachments.create({ body: { attachment: { volume_uuid: id } } })).body;
  const { transfer } = (await transfers.create({ body: { transfer: { volume_id } } })).body;
  await admin.volume.types.addSpecs({ params: { type_id: secret }, body: { extra_specs: { volume_backend_name: 'nowhere' } } });
  await admin.volume.types.addAccess({ params: { type_id: secret }, body: { addProjectAccess: { project: bob.projectId } } });
  const nowhere = (await admin.volume.types.create({ body: { volume_type: { name: 'nowhere', extra_specs: { volume_backend_name: 'nowhere' } } } })).body.volume_type;
  const { id: homeless } = (await volumes.create({ body: { volume: { size: 1, volume_type: nowhere.name } } })).body.volume;
  await cloud.settle();
  const letGo = (await volumes.create({ body: { volume: { size: 1 } } })).body.volume;
  const kept = (await volumes.create({ body: { volume: { size: 1 } } })).body.volume;
  await cloud.settle();
  const snapshotLetGo = (await snapshots.create({ body: { snapshot: { volume_id: kept.id } } })).body.snapshot;
  await cloud.settle();
  await admin.volume.volumeActions.unmanage({ params: { volume_id: letGo.id }, body: { 'os-unmanage': {} } });
  await admin.volume.snapshots.unmanage({ params: { snapshot_id: snapshotLetGo.id }, body: { 'os-unmanage': {} } });
  await admin.volume.services.disable({ body: { host: 'intercloud@storage', binary: 'cinder-volume' } });

  type OnStorage = { reference: { 'source-name': string }; safe_to_manage: boolean };
  const isFree = (name: string) => (found: OnStorage) => found.reference['source-name'] === name && found.safe_to_manage;
  const volumesFree = ({ 'manageable-volumes': found }: { 'manageable-volumes': OnStorage[] }) => found.some(isFree(`volume-${letGo.id}`));
  const snapshotsFree = ({ 'manageable-snapshots': found }: { 'manageable-snapshots': OnStorage[] }) => found.some(isFree(`_snapshot-${snapshotLetGo.id}`));
  const expected: Record<string, (data: never) => boolean> = {
    'manageableVolumes.list': volumesFree,
    'volumeManage.list': volumesFree,
    'manageableSnapshots.list': snapshotsFree,
    'snapshotManage.list': snapshotsFree,
    'types.list': ({ volume_type: type }: { volume_type: { id: string } }) => type.id === secret,
    'types.specs': ({ extra_specs: specs }: { extra_specs: object }) => 'volume_backend_name' in specs,
    'types.access': ({ volume_type_access: list }: { volume_type_access: { project_id: string }[] }) => list[0]?.project_id === bob.projectId,
    'volumes.summary': ({ 'volume-summary': summary }: { 'volume-summary': { total_size: number } }) => summary.total_size >= 6,
    'volumes.metadata': ({ metadata }: { metadata: Record<string, string> }) => metadata['purpose'] === 'data',
    'snapshots.metadata': ({ metadata }: { metadata: Record<string, string> }) => metadata['purpose'] === 'data',
    'services.list': ({ services }: { services: { status: string }[] }) => services.some(({ status }) => status === 'disabled'),
    'hosts.list': ({ hosts }: { hosts: { service: string }[] }) => hosts.every(({ service }) => service !== 'cinder-volume'),
    'pools.list': ({ pools: [pool] }: { pools: { capabilities: { allocated_capacity_gb: number } }[] }) => (pool?.capabilities.allocated_capacity_gb ?? 0) >= 6,
    'messages.list': ({ message }: { message: { resource_uuid: string } }) => message.resource_uuid === homeless,
    'volumes.list': (data: { volume: { id: string } }) => data.volume.id === id,
    'snapshots.list': (data: { snapshot: { id: string } }) => data.snapshot.id === snapshot.id,
    'attachments.list': (data: { attachment: { id: string } }) => data.attachment.id === attachment.id,
    'groupTypes.list': (data: { group_type: { id: string } }) => data.group_type.id === kind,
    'groupTypes.specs': ({ group_specs: specs }: { group_specs: Record<string, string> }) => specs['purpose'] === 'data',
    'groups.list': (data: { group: { id: string } }) => data.group.id === group.id,
    'groupSnapshots.list': (data: { group_snapshot: { id: string } }) => data.group_snapshot.id === groupSnapshot.id,
    'consistencyGroups.list': (data: { consistencygroup: { id: string } }) => data.consistencygroup.id === group.id,
    'cgSnapshots.list': (data: { cgsnapshot: { id: string } }) => data.cgsnapshot.id === groupSnapshot.id,
    'qosSpecs.list': (data: { qos_specs: { id: string } }) => data.qos_specs.id === qos_id,
    'qosSpecs.associations': ({ qos_associations: types }: { qos_associations: { id: string }[] }) => types.some(({ id: typeId }) => typeId === secret),
    'defaultTypes.list': ({ default_types: types }: { default_types: { project_id: string }[] }) => types.some(({ project_id: project }) => project === bob.projectId),
    'volumeTransfers.list': (data: { transfer: { id: string } }) => data.transfer.id === transfer.id,
    'backups.list': (data: { backup: { id: string } }) => data.backup.id === backup.id,
    'transfers.list': (data: { transfer: { id: string } }) => data.transfer.id === transfer.id,
  };
  for (const [name, watching] of watches) {
    const isIt = expected[name.slice('volumev3.'.length).replace('.detail', '.list')] ?? assert.fail(name);
    await watching.until(name, ({ event, data }) => event !== 'deleted' && isIt(data as never));
  }

  await admin.volume.types.removeAccess({ params: { type_id: secret }, body: { removeProjectAccess: { project: bob.projectId } } });
  assert.deepEqual((await watches.get('volumev3.types.list')!.until('the end of his access', ({ event }) => event === 'deleted')).data, { id: secret });
});
