import { trunks as contract } from '../../contract/network/trunks.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { getRow, selectRows } from './noun.ts';
import { addSubports, createTrunk, deleteTrunk, removeSubports, trunkListing, trunkNoun, updateTrunk, type Trunk } from './trunks.ts';

export const trunks = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, trunkListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'trunks', page, await selectRows(request.tx, trunkNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.trunk) return { trunk: shown(await createTrunk(request, request.body.trunk)) };
    const made: Trunk[] = [];
    for (const wish of request.body.trunks ?? []) made.push(await createTrunk(request, wish));
    return { trunks: made.map(shown) };
  },
  show: async (request) => ({ trunk: chosen(shown(await getRow(request, trunkNoun, request.params.trunk_id)), request.query.fields) }),
  update: async (request) => ({ trunk: shown(await updateTrunk(request, request.params.trunk_id, request.body.trunk)) }),
  async delete(request) {
    await deleteTrunk(request, request.params.trunk_id);
    return undefined;
  },
  addSubports: async (request) => shown(await addSubports(request, request.params.trunk_id, request.body.sub_ports)),
  removeSubports: async (request) => shown(await removeSubports(request, request.params.trunk_id, request.body.sub_ports)),
  subports: async (request) => ({ sub_ports: (await getRow(request, trunkNoun, request.params.trunk_id)).sub_ports }),
});

const shown = ({ created_at, updated_at, ...trunk }: Trunk) => ({ ...trunk, tenant_id: trunk.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) });
