/** How a user causes each workflow: what has to be there, and the request that starts it. */
import { compute } from '../../contract/compute/service.ts';
import type { Person, TestCloud } from '../cloud.ts';
import type { Things } from '../things.ts';

export type Cause = {
  prepare(cloud: TestCloud, things: Things): Promise<void>;
  act(person: Person, things: Things): Promise<unknown>;
  /** The region has no part in it: it is done here. */
  withoutRegion?: true;
  /** It concerns what is under way: that gets no further than this step until it was asked for. */
  meanwhile?: { workflow: string; step: string };
};

type ActionCalls = Person['compute']['serverActions'];

/** An action of a server, after others that bring it there. */
function action(call: (actions: ActionCalls, params: { server_id: string }, things: Things) => Promise<unknown>, ...before: ((actions: ActionCalls, params: { server_id: string }, things: Things) => Promise<unknown>)[]): Cause {
  const about = async (things: Things) => ({ server_id: await things.get('server') });
  return {
    async prepare(cloud, things) {
      const params = await about(things);
      for (const each of before) {
        await each(things.owner.compute.serverActions, params, things);
        await cloud.settle();
      }
    },
    act: async (person, things) => call(person.compute.serverActions, await about(things), things),
  };
}

const stop = (actions: ActionCalls, params: { server_id: string }) => actions.stop({ params, body: { 'os-stop': null } });
const pause = (actions: ActionCalls, params: { server_id: string }) => actions.pause({ params, body: { pause: null } });
const suspend = (actions: ActionCalls, params: { server_id: string }) => actions.suspend({ params, body: { suspend: null } });
const resize = async (actions: ActionCalls, params: { server_id: string }, things: Things) => actions.resize({ params, body: { resize: { flavorRef: await things.get('larger flavor') } } });
const shelve = (actions: ActionCalls, params: { server_id: string }) => actions.shelve({ params, body: { shelve: null } });
const reboot = (type: 'SOFT' | 'HARD') => (actions: ActionCalls, params: { server_id: string }) => actions.reboot({ params, body: { reboot: { type } } });

const withThings = (...names: Parameters<Things['get']>[0][]) => async (_cloud: TestCloud, things: Things) => {
  for (const name of names) await things.get(name);
};

/** What only an administrator may ask for. */
const administrators = new WeakMap<Things, Person>();

const migrate = (actions: ActionCalls, params: { server_id: string }) => actions.migrate({ params, body: { migrate: null } });

/** As from 2.25 on; the types say what an older body has. */
const migrateLive = (actions: ActionCalls, params: { server_id: string }) => actions.migrateLive({ params, body: { 'os-migrateLive': { host: null, block_migration: 'auto' } as never } });

/** An action that only an administrator may ask for, after something that he did. */
function byAdministrator(call: (actions: ActionCalls, params: { server_id: string }) => Promise<unknown>, before?: (admin: Person, serverId: string) => Promise<void>): Cause {
  return {
    async prepare({ admin }, things) {
      administrators.set(things, admin);
      // What the last one said of a host does not count any more.
      for (const { host } of (await admin.compute.services.list({ query: { binary: 'nova-compute' } })).body.services) await admin.compute.services.forceDown({ body: { host, binary: 'nova-compute', forced_down: false } });
      const serverId = await things.get('server');
      await before?.(admin, serverId);
    },
    act: async (_person, things) => call(administrators.get(things)!.compute.serverActions, { server_id: await things.get('server') }),
  };
}

async function prepareMigrated(cloud: TestCloud, things: Things): Promise<void> {
  await byAdministrator(migrate).prepare(cloud, things);
  await cloud.settle();
  await migrate(cloud.admin.compute.serverActions, { server_id: await things.get('server') });
  await cloud.settle();
}

export const causes: Record<string, Cause> = {
  'image.import': {
    withoutRegion: true,
    prepare: withThings('staged image'),
    act: async ({ image }, things) => image.imports.import({ params: { image_id: await things.get('staged image') }, body: { method: { name: 'glance-direct' }, all_stores: true } }),
  },
  'image.discard': {
    withoutRegion: true,
    prepare: withThings('staged image'),
    act: async ({ image }, things) => image.images.delete({ params: { image_id: await things.get('staged image') } }),
  },
  'image.cache': {
    withoutRegion: true,
    async prepare({ admin }, things) {
      administrators.set(things, admin);
      await things.get('image');
    },
    act: async (_person, things) => administrators.get(things)!.image.cache.queue({ params: { image_id: await things.get('image') } }),
  },
  'server.create': {
    prepare: withThings('subnet', 'flavor', 'volume to attach'),
    async act({ compute }, things) {
      const server = { name: 'web', flavorRef: await things.get('flavor'), networks: [{ uuid: await things.get('network') }] };
      const [imageRef, volume] = [things.imageId, await things.get('volume to attach')];
      // A disk of its own, one that goes with it, and one that does not.
      const block_device_mapping_v2 = [
        { boot_index: 0, source_type: 'image', destination_type: 'local', uuid: imageRef, delete_on_termination: true },
        { source_type: 'blank', destination_type: 'volume', volume_size: 1, delete_on_termination: true },
        { source_type: 'volume', destination_type: 'volume', uuid: volume, delete_on_termination: false },
      ] as const;
      return compute.servers.create({ body: { server: { ...server, imageRef, block_device_mapping_v2: [...block_device_mapping_v2] } } });
    },
  },
  'server.delete': { prepare: withThings('server', 'volume of a server'), act: async ({ compute }, things) => compute.servers.delete({ params: { server_id: await things.get('server') } }) },
  'server.start': action((actions, params) => actions.start({ params, body: { 'os-start': null } }), stop),
  'server.stop': action(stop),
  'server.pause': action(pause),
  'server.unpause': action((actions, params) => actions.unpause({ params, body: { unpause: null } }), pause),
  'server.suspend': action(suspend),
  'server.resume': action((actions, params) => actions.resume({ params, body: { resume: null } }), suspend),
  'server.reboot-soft': action(reboot('SOFT')),
  'server.reboot-hard': action(reboot('HARD')),
  'server.resize': action(resize),
  'server.resize-revert': action((actions, params) => actions.revertResize({ params, body: { revertResize: null } }), resize),
  'server.rebuild': action((actions, params, things) => actions.rebuild({ params, body: { rebuild: { imageRef: things.imageId } } })),
  'server.rebuild-volume': {
    prepare: withThings('server on a volume'),
    // Before 2.93 the volume stays what it is.
    act: async (person, things) => person.client(compute).serverActions.rebuild({ params: { server_id: await things.get('server on a volume') }, body: { rebuild: { imageRef: things.imageId } } }),
  },
  'server.create-image': action((actions, params) => actions.createImage({ params, body: { createImage: { name: 'copy' } } })),
  'server.create-backup': action((actions, params) => actions.createBackup({ params, body: { createBackup: { name: 'copy', backup_type: 'daily', rotation: 1 } } })),
  'server.rescue': action((actions, params) => actions.rescue({ params, body: { rescue: null } })),
  'server.unrescue': action((actions, params) => actions.unrescue({ params, body: { unrescue: null } }), (actions, params) => actions.rescue({ params, body: { rescue: null } })),
  'server.shelve': action(shelve),
  'server.unshelve': action((actions, params) => actions.unshelve({ params, body: { unshelve: null } }), shelve),
  'server.migrate': byAdministrator(migrate),
  'server.migrate-revert': { ...byAdministrator(migrate), prepare: prepareMigrated, act: async (person, things) => person.compute.serverActions.revertResize({ params: { server_id: await things.get('server') }, body: { revertResize: null } }) },
  'server.live-migrate': byAdministrator(migrateLive),
  'server.live-migrate-abort': {
    ...byAdministrator(migrate),
    meanwhile: { workflow: 'server.live-migrate', step: 'say that it has come over' },
    async act(_person, things) {
      const { serverActions, serverMigrations } = administrators.get(things)!.compute;
      const params = { server_id: await things.get('server') };
      await migrateLive(serverActions, params);
      const [running] = (await serverMigrations.list({ params })).body.migrations;
      await serverMigrations.abort({ params: { ...params, migration_id: String(running?.id) } });
    },
  },
  'server.evacuate': byAdministrator((actions, params) => actions.evacuate({ params, body: { evacuate: {} } }), async ({ compute }, id) => {
    const { server } = (await compute.servers.show({ params: { server_id: id } })).body;
    await compute.services.forceDown({ body: { host: server['OS-EXT-SRV-ATTR:host'] ?? '', binary: 'nova-compute', forced_down: true } });
  }),
  'server.refresh': {
    prepare: withThings('server'),
    act: async ({ compute }, things) => compute.serverMetadata.replace({ params: { server_id: await things.get('server') }, body: { metadata: { colour: 'red' } } }),
  },
  'server.attach-volume': {
    prepare: withThings('server', 'volume to attach'),
    act: async ({ compute }, things) => compute.serverVolumes.attach({ params: { server_id: await things.get('server') }, body: { volumeAttachment: { volumeId: await things.get('volume to attach') } } }),
  },
  'server.detach-volume': {
    prepare: withThings('volume of a server'),
    act: async ({ compute }, things) => compute.serverVolumes.detach({ params: { server_id: await things.get('server'), volume_id: await things.get('volume of a server') } }),
  },
  'server.attach-interface': {
    prepare: withThings('server'),
    act: async ({ compute }, things) => compute.serverInterfaces.attach({ params: { server_id: await things.get('server') }, body: { interfaceAttachment: { net_id: await things.get('network') } } }),
  },
  'server.detach-interface': {
    prepare: withThings('port of a server'),
    act: async ({ compute }, things) => compute.serverInterfaces.detach({ params: { server_id: await things.get('server'), port_id: await things.get('port of a server') } }),
  },
  'volume.create': { prepare: withThings(), act: ({ volume }, things) => volume.volumes.create({ body: { volume: { size: 1, imageRef: things.imageId } } }) },
  'volume.extend': { prepare: withThings('volume'), act: async ({ volume }, things) => volume.volumes.extend({ params: { volume_id: await things.get('volume') }, body: { 'os-extend': { new_size: 2 } } }) },
  'volume.delete': { prepare: withThings('snapshot'), act: async ({ volume }, things) => volume.volumes.delete({ params: { volume_id: await things.get('volume') }, query: { cascade: true } }) },
  'volume.upload': {
    prepare: withThings('volume'),
    act: async ({ volume }, things) => volume.volumes.upload({ params: { volume_id: await things.get('volume') }, body: { 'os-volume_upload_image': { image_name: 'copy', disk_format: 'qcow2' } } }),
  },
  'volume.backup.create': { prepare: withThings('volume', 'backup'), act: async ({ volume }, things) => volume.backups.create({ body: { backup: { volume_id: await things.get('volume'), incremental: true } } }) },
  'volume.backup.restore': { prepare: withThings('volume', 'backup'), act: async ({ volume }, things) => volume.backups.restore({ params: { backup_id: await things.get('backup') }, body: { restore: { volume_id: await things.get('volume') } } }) },
  'volume.backup.delete': { withoutRegion: true, prepare: withThings('backup'), act: async ({ volume }, things) => volume.backups.delete({ params: { backup_id: await things.get('backup') } }) },
  'volume.manage': {
    async prepare(cloud, things) {
      administrators.set(things, cloud.admin);
      await things.get('name on the storage of a volume');
    },
    act: async (_person, things) => administrators.get(things)!.volume.manageableVolumes.manage({ body: { volume: { host: 'intercloud@storage', ref: { 'source-name': await things.get('name on the storage of a volume') } } } }),
  },
  'volume.retype': { withoutRegion: true, prepare: withThings('volume', 'plain volume type'), act: async ({ volume }, things) => volume.volumeActions.retype({ params: { volume_id: await things.get('volume') }, body: { 'os-retype': { new_type: await things.get('plain volume type') } } }) },
  'volume.revert': { prepare: withThings('snapshot'), act: async ({ volume }, things) => volume.volumeActions.revert({ params: { volume_id: await things.get('volume') }, body: { revert: { snapshot_id: await things.get('snapshot') } } }) },
  'volume.reimage': { prepare: withThings('volume'), act: async ({ volume }, things) => volume.volumeActions.reimage({ params: { volume_id: await things.get('volume') }, body: { 'os-reimage': { image_id: things.imageId } } }) },
  'volume.group.create': { prepare: withThings('volume group with a volume'), act: async ({ volume }, things) => volume.groups.createFromSource({ body: { 'create-from-src': { source_group_id: await things.get('volume group with a volume') } } }) },
  'volume.group.delete': { prepare: withThings('volume group with a volume'), act: async ({ volume }, things) => volume.groups.delete({ params: { group_id: await things.get('volume group with a volume') }, body: { delete: { 'delete-volumes': true } } }) },
  'volume.group-snapshot.create': { prepare: withThings('volume group with a volume'), act: async ({ volume }, things) => volume.groupSnapshots.create({ body: { group_snapshot: { group_id: await things.get('volume group with a volume') } } }) },
  'volume.group-snapshot.delete': { prepare: withThings('group snapshot'), act: async ({ volume }, things) => volume.groupSnapshots.delete({ params: { group_snapshot_id: await things.get('group snapshot') } }) },
  'volume.snapshot.create': { prepare: withThings('volume'), act: async ({ volume }, things) => volume.snapshots.create({ body: { snapshot: { volume_id: await things.get('volume') } } }) },
  'volume.snapshot.delete': { prepare: withThings('snapshot'), act: async ({ volume }, things) => volume.snapshots.delete({ params: { snapshot_id: await things.get('snapshot') } }) },
};

/** The user takes away all that there is, in the order in which it can go. */
export async function clearUp(cloud: TestCloud, { compute, volume, image, network }: Person): Promise<void> {
  for (const { id } of (await compute.servers.list()).body.servers) await compute.servers.delete({ params: { server_id: id } });
  await cloud.settle();
  // Those that build on others first.
  for (const { id } of (await volume.backups.detail()).body.backups.toSorted((one, other) => Number(other.is_incremental) - Number(one.is_incremental))) {
    await volume.backups.delete({ params: { backup_id: id } });
    await cloud.settle();
  }
  for (const { id } of (await volume.groupSnapshots.list()).body.group_snapshots) await volume.groupSnapshots.delete({ params: { group_snapshot_id: id } });
  await cloud.settle();
  for (const { id } of (await volume.snapshots.list()).body.snapshots) await volume.snapshots.delete({ params: { snapshot_id: id } });
  await cloud.settle();
  for (const { id } of (await volume.groups.list()).body.groups) await volume.groups.delete({ params: { group_id: id }, body: { delete: { 'delete-volumes': true } } });
  await cloud.settle();
  for (const { id } of (await volume.volumes.list()).body.volumes) await volume.volumes.delete({ params: { volume_id: id } });
  // What was let go of, and nobody has taken on.
  for (const { reference: ref, safe_to_manage: free } of (await cloud.admin.volume.manageableVolumes.list({ query: { host: 'intercloud@storage' } })).body['manageable-volumes']) if (free) await cloud.admin.volume.manageableVolumes.manage({ body: { volume: { host: 'intercloud@storage', ref } } });
  await cloud.settle();
  for (const { id } of (await cloud.admin.volume.volumes.list()).body.volumes) await cloud.admin.volume.volumes.delete({ params: { volume_id: id } });
  await cloud.settle();
  for (const { id, name } of (await cloud.admin.volume.groupTypes.list()).body.group_types) if (name !== 'default_cgsnapshot_type') await cloud.admin.volume.groupTypes.delete({ params: { group_type_id: id } });
  for (const { id, name } of (await cloud.admin.volume.types.list()).body.volume_types) if (name !== '__DEFAULT__') await cloud.admin.volume.types.delete({ params: { type_id: id } });
  for (const { id } of (await image.images.list({ query: { visibility: 'shared' } })).body.images) await image.images.delete({ params: { image_id: id ?? '' } });
  for (const { id } of (await image.images.list({ query: { visibility: 'private' } })).body.images) await image.images.delete({ params: { image_id: id ?? '' } });
  for (const { id, device_owner } of (await network.ports.list()).body.ports) if (device_owner === '') await network.ports.delete({ params: { port_id: id ?? '' } });
  await cloud.settle();
}

