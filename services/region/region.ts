/** The region as home sees it. */
import { region } from '../../contract/intercloud/region.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Made, RegionParts } from '../parts.ts';
import { capacity } from './capacity.api.ts';
import { differencesDoor } from './differences.api.ts';
import { regionInvariants } from './region.invariants.ts';

export function makeRegionDoor(parts: RegionParts): Made {
  return { implementation: implementService(region, parts.database, { capacity, differences: differencesDoor(parts) }), workflows: [], schedules: [], invariants: regionInvariants(parts) };
}
