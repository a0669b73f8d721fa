/** Brands: the service at home, and what the door and identity show of them. */
import { brand } from '../../contract/intercloud/brand.ts';
import type { Authenticate } from '../../kit/http/caller.ts';
import { implementService, type Implementation } from '../../kit/http/implement.ts';
import type { HomeParts, Made } from '../parts.ts';
import { brands, pageDoor } from './brands.api.ts';
import { dress } from './catalogs.ts';
import { createGuard } from './guard.ts';
import { createFaces } from './faces.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export type Brands = Made & {
  /** Whom to ask for help at this host; undefined where nobody has put his name. */
  contactAt(hostName: string): Promise<{ name: string; support: string } | undefined>;
  /** Identity as each brand's customers see it. */
  dress(identity: Implementation): Implementation;
  /** Closes to whoever is not offered them the regions that answer at home's door. */
  guarded(authenticate: Authenticate): Authenticate;
};

export function makeBrands(parts: HomeParts, { first }: { first: string }): Brands {
  const faces = createFaces(parts);
  return {
    contactAt: (hostName) => faces.at(hostName),
    guarded: createGuard(parts, { first }),
    dress: (identity) => dress(identity, parts, faces),
    implementation: implementService(brand, parts.database, { brands, page: pageDoor(faces) }),
    workflows: [],
    schedules: [],
    invariants: [],
  };
}
