/** The door of transfers. */
import { transfers as contract } from '../../contract/volume/transfers.ts';
import { implement } from '../../kit/http/implement.ts';
import { readPage } from './lists.ts';
import { linksTo, micros } from './shapes.ts';
import { acceptTransfer, getTransfer, listTransfers, offerVolume, withdrawTransfer, type Transfer } from './transfers.ts';

type Asked = Parameters<typeof linksTo>[0];
type Listed = Parameters<typeof listTransfers>[0] & { query: { name?: string; volume_id?: string } & Readonly<Record<string, unknown>> };

function found(request: Listed): Promise<Transfer[]> {
  const { limit, offset, everyProject } = readPage(request.query, []);
  return listTransfers(request, { everyProject, name: request.query.name, volumeId: request.query.volume_id, limit, offset });
}

export const transfers = implement(contract, {
  list: async (request) => ({ transfers: (await found(request)).map((transfer) => brief(request, transfer)) }),
  detail: async (request) => ({ transfers: (await found(request)).map((transfer) => shown(request, transfer)) }),

  async create(request) {
    const { volume_id: volumeId, name } = request.body.transfer;
    const { transfer, authKey } = await offerVolume(request, { volumeId, name: name?.trim() ?? null });
    return { transfer: { ...shown(request, transfer), auth_key: authKey } };
  },

  show: async (request) => ({ transfer: shown(request, await getTransfer(request, request.params.transfer_id)) }),
  accept: async (request) => ({ transfer: brief(request, await acceptTransfer(request, request.params.transfer_id, request.body.accept.auth_key)) }),

  async delete(request) {
    await withdrawTransfer(request, request.params.transfer_id);
    return undefined;
  },
});

function brief(asked: Asked, { id, volumeId, name }: Transfer) {
  return { id, volume_id: volumeId, name, links: linksTo(asked, `/os-volume-transfer/${id}`) };
}

function shown(asked: Asked, transfer: Transfer) {
  return { ...brief(asked, transfer), created_at: micros(transfer.createdAt) };
}
