/** The door of regions. */
import type { Static } from 'typebox';
import { regions as contract, type Region as RegionShape } from '../../contract/intercloud/federation/regions.ts';
import { implement } from '../../kit/http/implement.ts';
import type { Directory } from '../identity/directory.ts';
import { createRegion, demandInvited, getRegion, joinRegion, listRegions, partFromRegion, type Region } from './regions.ts';

export function regionsDoor({ directory }: { directory: Directory }, { adoptFirst }: { adoptFirst: () => Promise<void> }) {
  return implement(contract, {
    async list(request) {
      return { regions: (await listRegions(request)).map(view) };
    },
    async create(request) {
      const { region, invitation, until } = await createRegion(request, request.body.name);
      return { region: view(region), invitation, valid_until: until.toISOString() };
    },
    async show(request) {
      return { region: view(await getRegion(request, request.params.region)) };
    },
    async delete(request) {
      await partFromRegion(request, directory, request.params.region);
    },
    async join(request) {
      const joining = { name: request.params.region, ...request.body };
      await request.read((tx) => demandInvited({ tx, now: request.now }, joining));
      // Before another region holds anything of the limits.
      await adoptFirst();
      const sealed = await request.commit((tx) => joinRegion({ ...request, tx }, directory, joining));
      return { sealed };
    },
  });
}

function view({ name, status, first, driver, url, seenAt, createdAt }: Region): Static<typeof RegionShape> {
  return { name, status, first, driver, url, seen_at: seenAt?.toISOString() ?? null, created_at: createdAt.toISOString() };
}
