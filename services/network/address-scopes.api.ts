import { addressScopes as contract } from '../../contract/network/address-scopes.ts';
import { implement } from '../../kit/http/implement.ts';
import { addressScopeListing, addressScopeNoun, createAddressScope, deleteAddressScope, updateAddressScope, type AddressScope } from './address-scopes.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { getRow, selectRows } from './noun.ts';

export const addressScopes = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, addressScopeListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'address_scopes', page, await selectRows(request.tx, addressScopeNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.address_scope) return { address_scope: shown(await createAddressScope(request, request.body.address_scope)) };
    const made: AddressScope[] = [];
    for (const wish of request.body.address_scopes ?? []) made.push(await createAddressScope(request, wish));
    return { address_scopes: made.map(shown) };
  },
  show: async (request) => ({ address_scope: chosen(shown(await getRow(request, addressScopeNoun, request.params.address_scope_id)), request.query.fields) }),
  update: async (request) => ({ address_scope: shown(await updateAddressScope(request, request.params.address_scope_id, request.body.address_scope)) }),
  async delete(request) {
    await deleteAddressScope(request, request.params.address_scope_id);
    return undefined;
  },
});

const shown = (scope: AddressScope) => ({ ...scope, tenant_id: scope.project_id });
