import { routers as contract } from '../../contract/network/routers.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { addInterface, addRoutes, createRouter, deleteRouter, getRouter, removeInterface, removeRoutes, routerListing, updateRouter, type Interface, type Router } from './routers.ts';
import { selectRouters } from './routers.store.ts';

export const routers = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, routerListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'routers', page, await selectRouters(request.tx, page.tail), shown);
  },
  async create(request) {
    if (request.body.router) return { router: shown(await createRouter(request, request.body.router)) };
    const made: Router[] = [];
    for (const wish of request.body.routers ?? []) made.push(await createRouter(request, wish));
    return { routers: made.map(shown) };
  },
  show: async (request) => ({ router: chosen(shown(await getRouter(request, request.params.router_id)), request.query.fields) }),
  update: async (request) => ({ router: shown(await updateRouter(request, request.params.router_id, request.body.router)) }),
  async delete(request) {
    await deleteRouter(request, request.params.router_id);
    return undefined;
  },
  addInterface: async (request) => shownInterface(await addInterface(request, request.params.router_id, request.body)),
  removeInterface: async (request) => shownInterface(await removeInterface(request, request.params.router_id, request.body)),
  addRoutes: async (request) => ({ router: shown(await addRoutes(request, request.params.router_id, request.body.router.routes)) }),
  removeRoutes: async (request) => ({ router: shown(await removeRoutes(request, request.params.router_id, request.body.router.routes)) }),
});

function shown({ gateway, enable_snat, created_at, updated_at, ...router }: Router) {
  return {
    ...router,
    tenant_id: router.project_id,
    external_gateway_info: gateway && { network_id: gateway.network_id, enable_snat, external_fixed_ips: gateway.fixed_ips },
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}

const shownInterface = (plugged: Interface) => ({ ...plugged, tenant_id: plugged.project_id });
