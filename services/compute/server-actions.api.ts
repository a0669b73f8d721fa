import { serverActions as contract } from '../../contract/compute/server-actions.ts';
import { badRequest, conflict, Fault } from '../../kit/fault.ts';
import { Answer, implement } from '../../kit/http/implement.ts';
import { DriverError, type Driver } from '../../drivers/driver.ts';
import {
  confirmResize,
  createServerImage,
  pauseServer,
  rebootServer,
  rebuildServer,
  resetState,
  resizeServer,
  resumeServer,
  revertResize,
  setLocked,
  setSecurityGroup,
  startServer,
  stopServer,
  suspendServer,
  unpauseServer,
} from './server-actions.ts';
import { addFloatingIp, removeFloatingIp } from './server-floating-ips.ts';
import { viewServer } from './server-view.ts';
import { flavorId, newPassword } from './servers.api.ts';
import { deleteServer, getServer, type Compute } from './servers.ts';
import { plainAddress, shortestAddress } from './words.ts';
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
      await setLocked(request, request.params.server_id, true);
    },
    async unlock(request) {
      await setLocked(request, request.params.server_id, false);
    },
    async resize(request) {
      const { flavorRef, 'OS-DCF:diskConfig': diskConfig } = request.body.resize;
      await resizeServer(compute, request, request.params.server_id, flavorId(flavorRef), diskConfig);
    },
    async confirmResize(request) {
      await confirmResize(request, request.params.server_id);
    },
    async revertResize(request) {
      await revertResize(compute, request, request.params.server_id);
    },
    async rebuild(request) {
      const wish = request.body.rebuild;
      if (wish.personality !== undefined && wish.personality.length > 0) throw badRequest('Files cannot be put into a server here: use user_data or metadata.');
      const adminPass = wish.adminPass ?? newPassword(compute);
      const server = await rebuildServer(compute, request, request.params.server_id, {
        imageId: wish.imageRef,
        name: wish.name,
        adminPass,
        metadata: wish.metadata,
        diskConfig: wish['OS-DCF:diskConfig'],
        accessIpv4: wish.accessIPv4 === undefined ? undefined : plainAddress(wish.accessIPv4),
        accessIpv6: wish.accessIPv6 === undefined ? undefined : shortestAddress(wish.accessIPv6),
      });
      return new Answer({ server: { ...(await viewServer(request, server)), adminPass } }, { headers: { location: request.url(`/servers/${server.id}`) } });
    },
    async createImage(request) {
      const { name, metadata = {} } = request.body.createImage;
      const imageId = await createServerImage(compute, request, request.params.server_id, { name, metadata });
      // nova/image/glance.py, generate_image_url: clients read the id from its end.
      return new Answer(undefined, { headers: { location: `${request.base}/image/images/${imageId}` } });
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
