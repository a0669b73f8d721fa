/** The door of locations. */
import { locations as contract } from '../../contract/image/locations.ts';
import { implement } from '../../kit/http/implement.ts';
import type { RegionParts } from '../parts.ts';
import { addLocation, locationsOf } from './locations.ts';

export function locations(parts: RegionParts) {
  return implement(contract, {
    list: (request) => locationsOf(request, parts.blobs, request.params.image_id),

    async add(request) {
      await addLocation(request, parts, request.params.image_id, request.body);
      return undefined;
    },
  });
}
