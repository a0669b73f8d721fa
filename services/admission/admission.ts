/** Admission as one service of home: its door, and the probes that never end. */
import { admission } from '../../contract/intercloud/admission.ts';
import { implementService } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { schedule } from '../../kit/workflow/workflow.ts';
import type { Made, RegionParts } from '../parts.ts';
import type { CapabilityName } from './probes.ts';
import { profiles } from './profiles.api.ts';
import { probeRegions, quarantine, type AdmissionParts } from './profiles.ts';
import { keysDoor } from './signing-keys.api.ts';
import { renewSigningKeys } from './signing-keys.ts';

export type Admission = Made & {
  parts: AdmissionParts;
  /** What was seen to fail there outside of any probe. */
  quarantine(tx: Transaction, region: string, capability: CapabilityName, detail: string): Promise<void>;
};

export function makeAdmission(parts: AdmissionParts): Admission {
  return {
    parts,
    quarantine: (tx, region, capability, detail) => quarantine(parts, tx, region, capability, detail),
    implementation: implementService(admission, parts.database, { profiles, keys: keysDoor(parts) }),
    workflows: [],
    schedules: [
      schedule<RegionParts>('admission.probes', { everyMs: 2_500, run: (_, signal) => probeRegions(parts, signal) }),
      schedule<RegionParts>('admission.keys', { everyMs: 3_600_000, run: () => renewSigningKeys(parts) }),
    ],
    invariants: [],
  };
}
