/** The door of transfers. */
import { transfers as contract, volumeTransfers as volumeTransfersContract } from '../../contract/volume/transfers.ts';
import { Answer, implement, type Request } from '../../kit/http/implement.ts';
import { cut, readPage } from './lists.ts';
import { isTrue, linksTo, micros, nextLinks } from './shapes.ts';
import { acceptTransfer, getTransfer, listTransfers, offerVolume, withdrawTransfer, type Transfer } from './transfers.ts';

type Asked = Parameters<typeof linksTo>[0];
type Listed = Parameters<typeof listTransfers>[0] & { query: { name?: string; volume_id?: string } & Readonly<Record<string, unknown>>; page(change: Record<string, string>): string };

async function listed<T>(request: Listed, as: (transfer: Transfer) => T) {
  // Cinder's oldest first, until somebody asks for another order.
  const sorted = request.query['sort'] !== undefined || request.query['sort_key'] !== undefined;
  const query = readPage(sorted ? request.query : { ...request.query, sort_dir: 'asc' }, ['name', 'volume_id']);
  const { page, next } = cut(await listTransfers(request, query), query.limit, request.page);
  return new Answer({ transfers: page.map(as), ...(next === undefined ? {} : { transfers_links: nextLinks(next)! }) }, { next });
}

const handlers = {
  list: (request: Listed & Asked) => listed(request, (transfer) => brief(request, transfer)),
  detail: (request: Listed & Asked) => listed(request, (transfer) => shown(request, transfer)),

  async create(request: Request<typeof contract.create>) {
    const { volume_id: volumeId, name, no_snapshots: without } = request.body.transfer;
    const { transfer, authKey } = await offerVolume(request, { volumeId, name: name?.trim() ?? null, withSnapshots: !isTrue(without) });
    return { transfer: { ...shown(request, transfer), auth_key: authKey } };
  },

  show: async (request: Request<typeof contract.show>) => ({ transfer: shown(request, await getTransfer(request, request.params.transfer_id)) }),
  accept: async (request: Request<typeof contract.accept>) => ({ transfer: brief(request, await acceptTransfer(request, request.params.transfer_id, request.body.accept.auth_key)) }),

  async delete(request: Request<typeof contract.delete>) {
    await withdrawTransfer(request, request.params.transfer_id);
    return undefined;
  },
};

export const transfers = implement(contract, handlers);
export const volumeTransfers = implement(volumeTransfersContract, handlers);

function brief(asked: Asked, { id, volumeId, name }: Transfer) {
  return { id, volume_id: volumeId, name, links: linksTo(asked, `/os-volume-transfer/${id}`) };
}

function shown(asked: Asked, transfer: Transfer) {
  return { ...brief(asked, transfer), created_at: micros(transfer.createdAt), no_snapshots: !transfer.withSnapshots, source_project_id: transfer.projectId, destination_project_id: null, accepted: false };
}
