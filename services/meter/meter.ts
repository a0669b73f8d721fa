/** The meter of a region: what follows its events, and what takes the records home. */
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { tellCounterparts, type CounterpartLink } from './counterparts.ts';
import { meterInvariants } from './meter.invariants.ts';
import { meterEvents, meterHour } from './meters.ts';
import { uploadUsage, type UsageLink } from './upload.ts';

export { remoteCounterpartLink } from './counterparts.ts';
export { remoteUsageLink } from './upload.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

/** `counterparts`: for a region that may be at a partner's. */
export function makeMeter(parts: RegionParts, { link, counterparts }: { link: UsageLink; counterparts?: CounterpartLink }): Made {
  const { database, driver, region } = parts;
  return {
    workflows: [],
    schedules: [
      // Each for itself: home that is away keeps nothing from being recorded.
      schedule<RegionParts>('meter.events', { everyMs: 1_000, run: async (_, signal) => void (await meterEvents(parts, signal)) }),
      schedule<RegionParts>('meter.hour', { everyMs: 30_000, run: (_, signal) => meterHour(parts, signal) }),
      schedule<RegionParts>('meter.upload', {
        everyMs: 5_000,
        async run(_, signal) {
          // Before the use itself: of an hour that is told whole it is known what everything is called at the partner.
          if (counterparts) await tellCounterparts({ database, driver, region, link: counterparts }, signal);
          await uploadUsage({ database, region, link }, signal);
        },
      }),
    ],
    invariants: meterInvariants(parts),
  };
}
