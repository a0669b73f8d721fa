import { portBindings as contract } from '../../contract/network/port-bindings.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { activateBinding, bindingListing, createBinding, deleteBinding, getBinding, portWithBindings, updateBinding, type PortBinding } from './port-bindings.ts';
import { selectBindings } from './port-bindings.store.ts';

export const portBindings = implement(contract, {
  async list(request) {
    const { id } = await portWithBindings(request, request.params.port_id);
    const page = await pageOf(request.tx, bindingListing(id), request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'bindings', page, await selectBindings(request.tx, id, page.tail), shown);
  },
  create: async (request) => ({ binding: shown(await createBinding(request, request.params.port_id, request.body.binding)) }),
  show: async (request) => ({ binding: chosen(shown(await getBinding(request, request.params.port_id, request.params.host)), request.query.fields) }),
  update: async (request) => ({ binding: shown(await updateBinding(request, request.params.port_id, request.params.host, request.body.binding)) }),
  activate: async (request) => shown(await activateBinding(request, request.params.port_id, request.params.host)),
  async delete(request) {
    await deleteBinding(request, request.params.port_id, request.params.host);
    return undefined;
  },
});

function shown({ host, vif_type, vnic_type, profile, status }: PortBinding) {
  return { host, vif_type, vif_details: vif_type === 'unbound' ? {} : { port_filter: true, connectivity: 'l2' }, vnic_type, profile, status };
}
