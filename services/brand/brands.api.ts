import type { Static } from 'typebox';
import { brands as contract, page as pageContract, type Brand as BrandShape } from '../../contract/intercloud/brand/brands.ts';
import { implement } from '../../kit/http/implement.ts';
import { getBrand, listVisibleBrands, removeBrand, replaceBrand, type Brand } from './brands.ts';
import { hostNameOf, type Faces } from './faces.ts';

export const brands = implement(contract, {
  list: async (request) => ({ brands: (await listVisibleBrands(request)).map(shown) }),
  show: async (request) => shown(await getBrand(request, request.params.account_id)),
  async replace(request) {
    const { name, support, terms_url: termsUrl = null, hosts = [], regions = null } = request.body;
    return shown(await replaceBrand(request, { accountId: request.params.account_id, name, support, termsUrl, hosts, regions }));
  },
  delete: (request) => removeBrand(request, request.params.account_id),
});

export function pageDoor(faces: Faces) {
  return implement(pageContract, {
    async show({ headers }) {
      const face = await faces.at(hostNameOf(headers));
      return { name: face?.name ?? 'Intercloud', support: face?.support ?? null, terms_url: face?.termsUrl ?? null };
    },
  });
}

function shown({ accountId, name, support, termsUrl, hosts, regions, updatedAt }: Brand): Static<typeof BrandShape> {
  return { account_id: accountId, name, support, terms_url: termsUrl, hosts, regions, updated_at: updatedAt.toISOString() };
}
