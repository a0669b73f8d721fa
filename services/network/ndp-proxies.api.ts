import { ndpProxies as contract } from '../../contract/network/ndp-proxies.ts';
import { implement } from '../../kit/http/implement.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { createProxy, deleteProxy, proxyListing, proxyNoun, updateProxy, type NdpProxy } from './ndp-proxies.ts';
import { getRow, selectRows } from './noun.ts';

export const ndpProxies = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, proxyListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'ndp_proxies', page, await selectRows(request.tx, proxyNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.ndp_proxy) return { ndp_proxy: shown(await createProxy(request, request.body.ndp_proxy)) };
    const made: NdpProxy[] = [];
    for (const wish of request.body.ndp_proxies ?? []) made.push(await createProxy(request, wish));
    return { ndp_proxies: made.map(shown) };
  },
  show: async (request) => ({ ndp_proxy: chosen(shown(await getRow(request, proxyNoun, request.params.ndp_proxy_id)), request.query.fields) }),
  update: async (request) => ({ ndp_proxy: shown(await updateProxy(request, request.params.ndp_proxy_id, request.body.ndp_proxy)) }),
  async delete(request) {
    await deleteProxy(request, request.params.ndp_proxy_id);
    return undefined;
  },
});

const shown = ({ created_at, updated_at, ...proxy }: NdpProxy) => ({ ...proxy, tenant_id: proxy.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) });
