/** The door of what else may be done with a volume. */
import { volumeActions as contract } from '../../contract/volume/volume-actions.ts';
import { implement } from '../../kit/http/implement.ts';
import { unmanageVolume } from './manageable.ts';
import { isTrue } from './shapes.ts';
import { attachVolume, completeExtension, completeMigration, connectVolume, detachVolume, disconnectVolume, migrateVolume, reimageVolume, retypeVolume, revertVolume, setDetaching } from './volume-actions.ts';

export const volumeActions = implement(contract, {
  async retype(request) {
    const { new_type: type, migration_policy: policy } = request.body['os-retype'];
    await retypeVolume(request, request.params.volume_id, type, { mayCopy: policy === 'on-demand' });
    return undefined;
  },

  async revert(request) {
    await revertVolume(request, request.params.volume_id, request.body.revert.snapshot_id);
    return undefined;
  },

  async reimage(request) {
    const { image_id: imageId, reimage_reserved: reserved } = request.body['os-reimage'];
    await reimageVolume(request, request.params.volume_id, imageId, { reserved: isTrue(reserved) });
    return undefined;
  },

  async attach(request) {
    const wish = request.body['os-attach'];
    await attachVolume(request, request.params.volume_id, { serverId: 'instance_uuid' in wish ? wish.instance_uuid : null, hostName: wish.host_name ?? null, mountpoint: wish.mountpoint, mode: wish.mode ?? null });
    return undefined;
  },

  async detach(request) {
    await detachVolume(request, request.params.volume_id, request.body['os-detach']?.attachment_id ?? null);
    return undefined;
  },

  async beginDetaching(request) {
    await setDetaching(request, request.params.volume_id, true);
    return undefined;
  },

  async rollDetaching(request) {
    await setDetaching(request, request.params.volume_id, false);
    return undefined;
  },

  initializeConnection: (request) => connectVolume(request, request.params.volume_id),

  async terminateConnection(request) {
    await disconnectVolume(request, request.params.volume_id);
    return undefined;
  },

  async forceDetach(request) {
    await detachVolume(request, request.params.volume_id, request.body['os-force_detach'].attachment_id ?? null);
    return undefined;
  },

  migrate: (request) => migrateVolume(request, request.params.volume_id, { host: request.body['os-migrate_volume'].host ?? null, cluster: request.body['os-migrate_volume'].cluster ?? null }),
  completeMigration: (request) => completeMigration(request, request.params.volume_id, request.body['os-migrate_volume_completion'].new_volume),
  completeExtension: (request) => completeExtension(request, request.params.volume_id),

  async unmanage(request) {
    await unmanageVolume(request, request.params.volume_id);
    return undefined;
  },
});
