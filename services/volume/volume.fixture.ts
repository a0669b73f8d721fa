/** For tests: images and volumes over a database of their own, an engine and a simulated storage. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulatedDriver, type Faults } from '../../drivers/simulated/simulated.ts';
import { systemClock as clock, systemRandom as random } from '../../kit/clock.ts';
import { createLog } from '../../kit/log.ts';
import type { Database } from '../../kit/postgres/database.ts';
import { testDatabase } from '../../kit/postgres/testing.ts';
import { keyFrom } from '../../kit/sealing.ts';
import { createEngine, type Engine } from '../../kit/workflow/engine.ts';
import type { FaultPoint } from '../../kit/workflow/execution.ts';
import { createWorkflows } from '../../kit/workflow/runs.ts';
import { fileBlobStore } from '../image/blobs.ts';
import { imageSettings, type ImageSettings } from '../image/settings.ts';
import { fileObjectBodies } from '../object-store/object-store.ts';
import { makeImage, schemaDirectory as imageSchema } from '../image/image.ts';
import type { RegionParts } from '../parts.ts';
import { createScheduler } from '../placement/scheduler/scheduler.ts';
import { makeVolume, schemaDirectory } from './volume.ts';

type Test = { after(work: () => Promise<void>): void };

export async function volumeFixture(t: Test, { faults, workflowFaults, images = imageSettings(), sealingKeys = [keyFrom(random.bytes(32))] }: { sealingKeys?: RegionParts['sealingKeys']; faults?: Faults | undefined; workflowFaults?: ((point: FaultPoint) => void) | undefined; images?: ImageSettings } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'volume-'));
  const quotaSchema = schemaDirectory.replace('/volume/', '/quota/');
  const { database } = await testDatabase(t, { migrations: [{ service: 'quota', directory: quotaSchema }, { service: 'image', directory: imageSchema }, { service: 'volume', directory: schemaDirectory }] });
  const blobs = await fileBlobStore(join(folder, 'blobs'), images);
  const driver = createSimulatedDriver({ stateDir: join(folder, 'driver'), hosts: 1, hostShape: { vcpus: 4, memoryMiB: 4096, diskGiB: 100 }, blobs, clock, random, ...(faults ? { faults } : {}) });
  const log = createLog({ name: 'test', level: 'fatal' });
  const parts: RegionParts = { region: 'test', database, clock, random, log, driver, blobs, bodies: await fileObjectBodies(join(folder, 'objects')), workflows: createWorkflows({ clock, random }), scheduler: createScheduler(), sealingKeys };
  const made = [makeImage(parts), makeVolume(parts)];
  const engine = createEngine({ database, clock, random, log, services: parts, pollMs: 50, workflows: made.flatMap(({ workflows }) => workflows), ...(workflowFaults ? { faults: workflowFaults } : {}) });
  await engine.start();
  t.after(async () => {
    await engine.stop();
    await driver.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    parts,
    simulation: driver.simulation,
    implementations: made.map(({ implementation }) => implementation!),
    workflows: made.flatMap(({ workflows }) => workflows),
    idle: () => settle({ database, engine }),
    findings: async () => (await Promise.all(made.flatMap(({ invariants }) => invariants).filter(({ id }) => /^I\d/.test(id)).map((each) => each.check()))).flat(),
  };
}

/** Until nothing is to be done: a step that was refused is tried again when it is due. */
async function settle({ database, engine }: { database: Database; engine: Engine }): Promise<void> {
  for (let rounds = 0; ; rounds++) {
    await engine.idle();
    const due = await database.read({ kind: 'system', reason: 'the test waits' }, (tx) => tx.one<{ at: Date | null }>`select min(run_at) as at from kit.workflow_run where status in ('waiting', 'running') and workflow not like 'schedule:%'`);
    if (!due?.at) return;
    if (rounds > 1000) throw new Error('It does not settle: something is tried again and again');
    await clock.after(Math.min(Math.max(due.at.getTime() - clock.now().getTime(), 1), 100));
  }
}
