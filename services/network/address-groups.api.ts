import { addressGroups as contract } from '../../contract/network/address-groups.ts';
import { implement } from '../../kit/http/implement.ts';
import { addAddresses, addressGroupListing, addressGroupNoun, createAddressGroup, deleteAddressGroup, removeAddresses, updateAddressGroup, type AddressGroup } from './address-groups.ts';
import { chosen, listAnswer, pageOf, seconds } from './listing.ts';
import { getRow, selectRows } from './noun.ts';

export const addressGroups = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, addressGroupListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'address_groups', page, await selectRows(request.tx, addressGroupNoun, page.tail), shown);
  },
  async create(request) {
    if (request.body.address_group) return { address_group: shown(await createAddressGroup(request, request.body.address_group)) };
    const made: AddressGroup[] = [];
    for (const wish of request.body.address_groups ?? []) made.push(await createAddressGroup(request, wish));
    return { address_groups: made.map(shown) };
  },
  show: async (request) => ({ address_group: chosen(shown(await getRow(request, addressGroupNoun, request.params.address_group_id)), request.query.fields) }),
  update: async (request) => ({ address_group: shown(await updateAddressGroup(request, request.params.address_group_id, request.body.address_group)) }),
  async delete(request) {
    await deleteAddressGroup(request, request.params.address_group_id);
    return undefined;
  },
  addAddresses: async (request) => ({ address_group: shown(await addAddresses(request, request.params.address_group_id, request.body.addresses)) }),
  removeAddresses: async (request) => ({ address_group: shown(await removeAddresses(request, request.params.address_group_id, request.body.addresses)) }),
});

const shown = ({ created_at, updated_at, ...group }: AddressGroup) => ({ ...group, tenant_id: group.project_id, created_at: seconds(created_at), updated_at: seconds(updated_at) });
