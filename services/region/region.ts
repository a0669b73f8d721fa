/** The region as home sees it. */
import { region } from '../../contract/intercloud/region.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { capacity } from './capacity.api.ts';
import { differencesDoor } from './differences.api.ts';
import { hosts } from './hosts.api.ts';
import { placingApi } from './placing.api.ts';
import { regionInvariants } from './region.invariants.ts';
import { keepBudgets } from './stop-loss.ts';

export function makeRegionDoor(parts: RegionParts): Made {
  return {
    implementation: implementService(region, parts.database, { capacity, differences: differencesDoor(parts), placing: placingApi(parts), hosts }),
    workflows: [],
    schedules: [schedule<RegionParts>('region.budgets', { everyMs: 10_000, run: (_, signal) => keepBudgets(parts, signal) })],
    invariants: regionInvariants(parts),
  };
}
