import { serverShares as contract } from '../../contract/compute/server-shares.ts';
import { conflict, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import { demandState } from './server-states.ts';
import { getServer } from './servers.ts';

/** No host here shares directories with its guests (COMPUTE_STORAGE_VIRTIO_FS): no server has a share, and Nova gives none to a server of such hosts. */
export const serverShares = implement(contract, {
  async list(request) {
    await getServer(request, request.params.server_id);
    return { shares: [] };
  },
  async show(request) {
    await getServer(request, request.params.server_id);
    throw noShare(request.params.share_id);
  },
  async attach(request) {
    demandState(await getServer(request, request.params.server_id), 'create share');
    // nova/exception.py, ForbiddenSharesNotConfiguredCorrectly
    throw conflict('Feature not supported because either compute or instance are not configured correctly.');
  },
  async detach(request) {
    demandState(await getServer(request, request.params.server_id), 'delete share');
    throw noShare(request.params.share_id);
  },
});

function noShare(id: string) {
  return notFound(`Share ${id} could not be found.`);
}
