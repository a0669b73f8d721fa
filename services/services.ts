/** The services in order: each may ask the rules of those above it. */
import { fileURLToPath } from 'node:url';
import type { Migrations } from '../kit/postgres/migrate.ts';
import { makeCompute } from './compute/compute.ts';
import { makeFederation, type Federation } from './federation/federation.ts';
import { makeIdentity, type Identity } from './identity/identity.ts';
import { makeImage } from './image/image.ts';
import { makeNetwork } from './network/network.ts';
import type { HomeParts, Made, RegionParts } from './parts.ts';
import { makePlacement } from './placement/placement.ts';
import { makeVolume } from './volume/volume.ts';

/** `first`: the region that home's own processes serve. */
export function makeHome(parts: HomeParts, { first }: { first: Pick<RegionParts, 'region' | 'database'> }): { identity: Identity; federation: Federation; made: readonly Made[] } {
  const identity = makeIdentity(parts);
  const federation = makeFederation({ ...parts, first, directory: identity.directory });
  return { identity, federation, made: [identity, federation] };
}

export function makeRegion(parts: RegionParts): readonly Made[] {
  return [makePlacement(parts), makeImage(parts), makeVolume(parts), makeNetwork(parts), makeCompute(parts)];
}

export const homeSchemas: readonly Migrations[] = ['identity', 'federation'].map(schemaOf);

export const regionSchemas: readonly Migrations[] = ['quota', 'home-link', 'placement', 'image', 'volume', 'network', 'compute'].map(schemaOf);

function schemaOf(service: string): Migrations {
  return { service, directory: fileURLToPath(new URL(`./${service}/schema/`, import.meta.url)) };
}
