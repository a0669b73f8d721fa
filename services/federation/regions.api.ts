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
      const { region, invitation } = await createRegion(request, request.body.name);
      return { region: view(region), invitation };
    },
    async show(request) {
      return { region: view(await getRegion(request, request.params.region)) };
    },
    async delete(request) {
      await partFromRegion(request, directory, request.params.region);
    },
    async join(request) {
      const { proof, url, driver } = request.body;
      const name = request.params.region;
      await request.read((tx) => demandInvited(tx, name, proof));
      // Before another region holds anything of the limits.
      await adoptFirst();
      const sealed = await request.commit((tx) => joinRegion({ ...request, tx }, directory, { name, proof, url, driver }));
      return { sealed };
    },
  });
}

function view({ name, status, first, driver, url, seenAt, createdAt }: Region): Static<typeof RegionShape> {
  return { name, status, first, driver, url, seen_at: seenAt?.toISOString() ?? null, created_at: createdAt.toISOString() };
}
