/** The meter of a region: what follows its events, and what takes the records home. */
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { meterInvariants } from './meter.invariants.ts';
import { meterEvents, meterHour } from './meters.ts';
import { uploadUsage, type UsageLink } from './upload.ts';

export { remoteUsageLink } from './upload.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export function makeMeter(parts: RegionParts, { link }: { link: UsageLink }): Made {
  const { database, region } = parts;
  return {
    workflows: [],
    schedules: [
      // Each for itself: home that is away keeps nothing from being recorded.
      schedule<RegionParts>('meter.events', { everyMs: 1_000, run: async (_, signal) => void (await meterEvents(parts, signal)) }),
      schedule<RegionParts>('meter.hour', { everyMs: 30_000, run: (_, signal) => meterHour(parts, signal) }),
      schedule<RegionParts>('meter.upload', { everyMs: 5_000, run: async (_, signal) => void (await uploadUsage({ database, region, link }, signal)) }),
    ],
    invariants: meterInvariants(parts),
  };
}
