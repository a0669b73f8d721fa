/** What a service is made of, and what it is handed: nothing in `services/` finds its surroundings by import. */
import type { Driver } from '../drivers/driver.ts';
import type { Clock, Random } from '../kit/clock.ts';
import type { Implementation } from '../kit/http/implement.ts';
import type { Log } from '../kit/log.ts';
import type { Database } from '../kit/postgres/database.ts';
import type { SealingKey } from '../kit/sealing.ts';
import type { Workflows } from '../kit/workflow/runs.ts';
import type { Schedule, SomeWorkflow } from '../kit/workflow/workflow.ts';
import type { Abroad } from './image/abroad.ts';
import type { ImageBlobs } from './image/blobs.ts';
import type { ObjectBodies } from './object-store/bodies.ts';
import type { Scheduler } from './placement/scheduler/scheduler.ts';

export type HomeParts = {
  database: Database;
  clock: Clock;
  random: Random;
  log: Log;
  /** Starts durable work in a transaction; the worker's engine does it. */
  workflows: Workflows;
};

export type RegionParts = HomeParts & {
  /** The region's name, as in the catalog. */
  region: string;
  driver: Driver;
  blobs: ImageBlobs;
  /** How images of other regions are reached; without, only this one's are. */
  abroad?: Abroad;
  /** The bytes of objects. */
  bodies: ObjectBodies;
  /** What seals the keys of encrypted disks, the newest first. */
  sealingKeys: readonly SealingKey[];
  /** Decides which host a server gets. */
  scheduler: Scheduler;
};

/** One service, ready to be served (its door) and worked (its workflows). */
export type Made = {
  implementation?: Implementation;
  workflows: readonly SomeWorkflow<RegionParts>[];
  schedules: readonly Schedule<RegionParts>[];
  /** What must always be true, for `doctor` and the tests: each finds what is not (FAILURES.md, invariants). */
  invariants: readonly Invariant[];
};

export type Invariant = {
  /** `I3`, … of FAILURES.md, and the sentence that it stands for. */
  id: string;
  title: string;
  check(): Promise<Finding[]>;
};

export type Finding = {
  /** What is wrong, with the ids that it concerns. */
  message: string;
  /** What the operator can do about it. */
  remedy: string;
};
