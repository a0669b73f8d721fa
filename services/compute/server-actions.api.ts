import { serverActions as contract } from '../../contract/compute/server-actions.ts';
import { badRequest, conflict, Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { DriverError, type Driver } from '../../drivers/driver.ts';
import {
  confirmResize,
  pauseServer,
  rebootServer,
  rebuildServer,
  resetState,
  resizeServer,
  resumeServer,
  revertResize,
  removeLock,
  setLock,
  setSecurityGroup,
  startServer,
  stopServer,
  suspendServer,
  unpauseServer,
} from './server-actions.ts';
import { openConsole } from './consoles.ts';
import { addFixedIp, removeFixedIp } from './server-fixed-ips.ts';
import { createServerBackup, createServerImage } from './server-images.ts';
import { evacuateServer, liveMigrateServer, migrateServer } from './server-moves.ts';
import { refreshServer } from './server-refresh.ts';
import { rescueServer, unrescueServer } from './server-rescue.ts';
import { offloadServer, shelveServer, unshelveServer } from './server-shelving.ts';
import { addFloatingIp, removeFloatingIp } from './server-floating-ips.ts';
import { viewServer } from './server-view.ts';
import { newPassword } from './servers.api.ts';
import { deleteServer, getServer, type Compute } from './servers.ts';
import { idIn, plainAddress, shortestAddress, truth } from './words.ts';
import { demandState } from './server-states.ts';

export function serverActionsApi(compute: Compute, driver: Driver) {
  return implement(contract, {
    async start(request) {
      await startServer(compute, request, request.params.server_id);
    },
    async stop(request) {
      await stopServer(compute, request, request.params.server_id);
    },
    async reboot(request) {
      await rebootServer(compute, request, request.params.server_id, request.body.reboot.type.toUpperCase() === 'SOFT' ? 'soft' : 'hard');
    },
    async pause(request) {
      await pauseServer(compute, request, request.params.server_id);
    },
    async unpause(request) {
      await unpauseServer(compute, request, request.params.server_id);
    },
    async suspend(request) {
      await suspendServer(compute, request, request.params.server_id);
    },
    async resume(request) {
      await resumeServer(compute, request, request.params.server_id);
    },
    async lock(request) {
      const wish = request.body.lock as { locked_reason?: string } | null;
      await setLock(request, request.params.server_id, wish?.locked_reason ?? null);
    },
    async unlock(request) {
      await removeLock(request, request.params.server_id);
    },
    async resize(request) {
      const { flavorRef, 'OS-DCF:diskConfig': diskConfig } = request.body.resize;
      await resizeServer(compute, request, request.params.server_id, idIn(flavorRef), diskConfig);
    },
    async confirmResize(request) {
      await confirmResize(request, request.params.server_id);
    },
    async revertResize(request) {
      await revertResize(compute, request, request.params.server_id);
    },
    async rebuild(request) {
      const wish = request.body.rebuild;
      const adminPass = wish.adminPass ?? newPassword(compute);
      const server = await rebuildServer(compute, request, request.params.server_id, {
        imageId: wish.imageRef,
        name: wish.name,
        adminPass,
        metadata: wish.metadata,
        diskConfig: wish['OS-DCF:diskConfig'],
        accessIpv4: wish.accessIPv4 === undefined ? undefined : plainAddress(wish.accessIPv4),
        accessIpv6: wish.accessIPv6 === undefined ? undefined : shortestAddress(wish.accessIPv6),
        description: wish.description,
        hostname: wish.hostname,
        keyName: wish.key_name,
        userData: wish.user_data,
        files: wish.personality ?? [],
        certificates: wish.trusted_image_certificates ?? null,
        keepVolume: wish.keepVolume === true,
      });
      // nova/api/openstack/compute/servers.py, _action_rebuild: said once.
      const { 'OS-EXT-SRV-ATTR:user_data': _, ...shown } = await viewServer(request, server);
      return new Answer({ server: { ...shown, user_data: server.userData, adminPass } }, { headers: { location: request.url(`/servers/${server.id}`) } });
    },
    async createImage(request) {
      const { name, metadata = {} } = request.body.createImage;
      return withImage(request, await createServerImage(compute, request, request.params.server_id, { name, metadata }));
    },
    async createBackup(request) {
      const { name, metadata = {}, backup_type: backupType, rotation } = request.body.createBackup;
      return withImage(request, await createServerBackup(compute, request, request.params.server_id, { name, metadata, backupType, rotation: Number(rotation) }));
    },
    async rescue(request) {
      const { adminPass = newPassword(compute), rescue_image_ref: imageId, fromLocalDisk = false } = request.body.rescue ?? {};
      await rescueServer(compute, request, request.params.server_id, { imageId, adminPass, fromLocalDisk });
      return { adminPass };
    },
    async unrescue(request) {
      await unrescueServer(compute, request, request.params.server_id);
    },
    async shelve(request) {
      await shelveServer(compute, request, request.params.server_id);
    },
    async shelveOffload(request) {
      await offloadServer(compute, request, request.params.server_id);
    },
    async unshelve(request) {
      const wish = request.body.unshelve;
      const { availability_zone: availabilityZone, host } = typeof wish === 'object' && wish !== null ? (wish as { availability_zone?: string | null; host?: string }) : {};
      await unshelveServer(compute, request, request.params.server_id, { availabilityZone, host });
    },
    async migrate(request) {
      const wish = request.body.migrate;
      const { host = null } = typeof wish === 'object' && wish !== null ? (wish as { host?: string | null }) : {};
      await migrateServer(compute, request, request.params.server_id, host);
    },
    async migrateLive(request) {
      const { host, force, checkedAtOnce = false } = request.body['os-migrateLive'];
      if (host === null && force !== undefined && truth(force)) throw badRequest("Can't force to a non-provided destination");
      await liveMigrateServer(compute, request, request.params.server_id, { hostname: host, checkedAtOnce });
    },
    async evacuate(request) {
      const { host = null, adminPass = newPassword(compute), force, keepPower = false } = request.body.evacuate;
      if (host === null && force !== undefined && truth(force)) throw badRequest("Can't force to a non-provided destination");
      await evacuateServer(compute, request, request.params.server_id, { hostname: host, adminPass, keepPower });
      return { adminPass };
    },
    async restore(request) {
      // What is deleted is gone: nothing is kept that could be taken back.
      demandState(await getServer(request, request.params.server_id), 'restore');
    },
    async triggerCrashDump(request) {
      demandState(await getServer(request, request.params.server_id), 'trigger_crash_dump');
      // nova/exception.py, TriggerCrashDumpNotSupported
      throw new Fault(501, 'notImplemented', 'Triggering crash dump is not supported');
    },
    async injectNetworkInfo(request) {
      await refreshServer(compute, request, await getServer(request, request.params.server_id));
    },
    async getVncConsole(request) {
      return { console: await openConsole(request, { serverId: request.params.server_id, protocol: 'vnc', type: request.body['os-getVNCConsole'].type }) };
    },
    async getSpiceConsole(request) {
      return { console: await openConsole(request, { serverId: request.params.server_id, protocol: 'spice', type: request.body['os-getSPICEConsole'].type }) };
    },
    async getSerialConsole(request) {
      return { console: await openConsole(request, { serverId: request.params.server_id, protocol: 'serial', type: request.body['os-getSerialConsole'].type }) };
    },
    async addFixedIp(request) {
      await addFixedIp(compute, request, request.params.server_id, String(request.body.addFixedIp.networkId));
    },
    async removeFixedIp(request) {
      await removeFixedIp(compute, request, request.params.server_id, request.body.removeFixedIp.address);
    },
    async changePassword(request) {
      demandState(await getServer(request, request.params.server_id), 'changePassword');
      // nova/api/openstack/compute/admin_password.py: without an agent in the guest.
      throw conflict('Unable to set password on instance');
    },
    async getConsoleOutput(request) {
      const { server_id: id } = request.params;
      const { length } = request.body['os-getConsoleOutput'];
      const server = await request.read((tx) => getServer({ tx }, id));
      if (server.hostId === null) throw conflict(`Instance ${id} is not ready`);
      const lines = length === undefined || length === null || Number(length) < 0 ? {} : { lines: Number(length) };
      try {
        return { output: await driver.servers.consoleLog({ id, hostId: server.hostId, ...lines }) };
      } catch (cause) {
        if (cause instanceof DriverError && cause.kind === 'missing') throw conflict(`Instance ${id} is not ready`);
        if (cause instanceof DriverError && cause.kind === 'unavailable') throw new Fault(503, 'serviceUnavailable', 'The host of this server does not answer.', { headers: { 'retry-after': '5' }, cause });
        throw cause;
      }
    },
    async addSecurityGroup(request) {
      await setSecurityGroup(compute, request, request.params.server_id, request.body.addSecurityGroup.name, true);
    },
    async removeSecurityGroup(request) {
      await setSecurityGroup(compute, request, request.params.server_id, request.body.removeSecurityGroup.name, false);
    },
    async addFloatingIp(request) {
      const { address, fixed_address: fixedAddress = null } = request.body.addFloatingIp;
      await addFloatingIp(compute, request, request.params.server_id, address, fixedAddress);
    },
    async removeFloatingIp(request) {
      await removeFloatingIp(compute, request, request.params.server_id, request.body.removeFloatingIp.address);
    },
    async forceDelete(request) {
      await deleteServer(compute, request, request.params.server_id);
    },
    async resetState(request) {
      await resetState(request, request.params.server_id, request.body['os-resetState'].state);
    },
  });
}

/** nova/image/glance.py, generate_image_url: older clients read the id from the end of its address. */
function withImage({ base }: { base: string }, imageId: string): Answer<{ image_id: string }> {
  return new Answer({ image_id: imageId }, { headers: { location: `${base}/image/images/${imageId}` } });
}
