import { flavors as contract, serviceProfiles as profileContract, serviceProviders as providerContract } from '../../contract/network/flavors.ts';
import { implement } from '../../kit/http/implement.ts';
import {
  addProfile, createFlavor, createProfile, deleteFlavor, deleteProfile, flavorListing, flavorNoun, profileListing, profileNoun, providers, removeProfile, updateFlavor, updateProfile, type Flavor, type ServiceProfile,
} from './flavors.ts';
import { chosen, listAnswer, pageOf } from './listing.ts';
import { getRow, selectRows } from './noun.ts';

export const flavors = implement(contract, {
  async list(request) {
    const page = await pageOf(request.tx, flavorListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'flavors', page, await selectRows(request.tx, flavorNoun, page.tail), shown);
  },
  create: async (request) => ({ flavor: shown(await createFlavor(request, request.body.flavor)) }),
  show: async (request) => ({ flavor: chosen(shown(await getRow(request, flavorNoun, request.params.flavor_id)), request.query.fields) }),
  update: async (request) => ({ flavor: shown(await updateFlavor(request, request.params.flavor_id, request.body.flavor)) }),
  async delete(request) {
    await deleteFlavor(request, request.params.flavor_id);
    return undefined;
  },
  async addProfile(request) {
    await addProfile(request, request.params.flavor_id, request.body.service_profile.id);
    // neutron answers with the flavor, of which only the id is shown here.
    return { service_profile: { id: request.params.flavor_id } };
  },
  async removeProfile(request) {
    await removeProfile(request, request.params.flavor_id, request.params.profile_id);
    return undefined;
  },
});

export const serviceProfiles = implement(profileContract, {
  async list(request) {
    const page = await pageOf(request.tx, profileListing, request.query, request.otherQuery, request.caller);
    return listAnswer(request, 'service_profiles', page, await selectRows(request.tx, profileNoun, page.tail), shown);
  },
  create: async (request) => ({ service_profile: shown(await createProfile(request, request.body.service_profile)) }),
  show: async (request) => ({ service_profile: chosen(shown(await getRow(request, profileNoun, request.params.profile_id)), request.query.fields) }),
  update: async (request) => ({ service_profile: shown(await updateProfile(request, request.params.profile_id, request.body.service_profile)) }),
  async delete(request) {
    await deleteProfile(request, request.params.profile_id);
    return undefined;
  },
});

export const serviceProviders = implement(providerContract, { list: async ({ query }) => ({ service_providers: providers.map((provider) => chosen(provider, query.fields)) }) });

function shown<T extends Flavor | ServiceProfile>({ project_id: _nobodys, ...row }: T): Omit<T, 'project_id'> {
  return row;
}
