import { routers as contract } from '../../contract/network/routers.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import {
  addGateways, addInterface, addRoutes, createRouter, deleteRouter, getRouter, removeGateways, removeInterface, removeRoutes, routerListing, updateGateways, updateRouter, zonesOfRouters, type Interface, type Router,
} from './routers.ts';
import { waysOut } from './router-gateways.ts';
import { selectRouters } from './routers.store.ts';

export const routers = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, routerListing, request.query, request.otherQuery, request.caller);
    const rows = await selectRouters(request.tx, page.tail);
    return listAnswer(request, 'routers', page, rows, await view(request, rows));
  },
  async create(request) {
    if (request.body.router) return { router: await shown(request, await createRouter(request, request.body.router)) };
    const made: Router[] = [];
    for (const wish of request.body.routers ?? []) made.push(await createRouter(request, wish));
    return { routers: made.map(await view(request, made)) };
  },
  show: async (request) => ({ router: chosen(await shown(request, await getRouter(request, request.params.router_id)), request.query.fields) }),
  update: async (request) => ({ router: await shown(request, await updateRouter(request, request.params.router_id, request.body.router)) }),
  async delete(request) {
    await deleteRouter(request, request.params.router_id);
    return undefined;
  },
  addInterface: async (request) => shownInterface(await addInterface(request, request.params.router_id, request.body)),
  removeInterface: async (request) => shownInterface(await removeInterface(request, request.params.router_id, request.body)),
  addRoutes: async (request) => ({ router: await shown(request, await addRoutes(request, request.params.router_id, request.body.router.routes)) }),
  removeRoutes: async (request) => ({ router: await shown(request, await removeRoutes(request, request.params.router_id, request.body.router.routes)) }),
  addGateways: async (request) => ({ router: await shown(request, await addGateways(request, request.params.router_id, request.body.router.external_gateways)) }),
  updateGateways: async (request) => ({ router: await shown(request, await updateGateways(request, request.params.router_id, request.body.router.external_gateways)) }),
  removeGateways: async (request) => ({ router: await shown(request, await removeGateways(request, request.params.router_id, request.body.router.external_gateways)) }),
});

const shown = async (context: Context, router: Router) => (await view(context, [router]))(router);

export async function view(context: Context, routers: readonly Router[]) {
  const zones = await zonesOfRouters(context, routers);
  return (router: Router) => rendered(router, zones(router), context.caller.isAdmin);
}

function rendered(router: Router, availability_zones: string[], isAdmin: boolean) {
  const { gateway, extra_gateways: _others, gateway_hosts: _hosts, enable_snat, qos_policy_id, ha, created_at, updated_at, ...rest } = router;
  return {
    ...rest,
    enable_snat,
    ...(isAdmin ? { ha } : {}),
    availability_zones,
    tenant_id: router.project_id,
    external_gateway_info: gateway && { network_id: gateway.network_id, enable_snat, ...(qos_policy_id === null ? {} : { qos_policy_id }), external_fixed_ips: gateway.fixed_ips },
    external_gateways: waysOut(router).map(({ network_id, fixed_ips: external_fixed_ips }) => ({ network_id, external_fixed_ips })),
    created_at: seconds(created_at),
    updated_at: seconds(updated_at),
  };
}

const shownInterface = (plugged: Interface) => ({ ...plugged, tenant_id: plugged.project_id });
