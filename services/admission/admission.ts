/** Admission as one service of home: its door, and the probes that never end. */
import { admission } from '../../contract/intercloud/admission.ts';
import { implementService } from '../../kit/http/implement.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import { keys, profiles } from './profiles.api.ts';
import { probeRegions, type AdmissionParts } from './profiles.ts';

export const schemaDirectory = new URL('./schema/', import.meta.url);

export function makeAdmission(parts: AdmissionParts): Made {
  return {
    implementation: implementService(admission, parts.database, { profiles, keys }),
    workflows: [],
    schedules: [schedule<RegionParts>('admission.probes', { everyMs: 5_000, run: (_, signal) => probeRegions(parts, signal) })],
    invariants: [],
  };
}
