/** What the steps of the volumes' workflows share. */
import { DriverError } from '../../drivers/driver.ts';
import { Fault } from '../../kit/fault.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Failure, Run } from '../../kit/workflow/workflow.ts';
import type { RegionParts } from '../parts.ts';
import { takesVolumes } from './services.ts';
import { findType } from './types.store.ts';
import { tellVolume } from './volume-events.ts';
import { findVolume, lockVolume, updateVolume, type Volume, type VolumeChange } from './volumes.store.ts';

export type About<Input, State extends object = object> = Run<Input, State, RegionParts>;

const working = { kind: 'system', reason: 'a workflow acts for the volume’s owner' } as const;

/** Storage may be busy, and copies are long. */
export const patient = { attempts: 8, firstMs: 200, factor: 2.5, maxMs: 30_000 };

export const findPlace = 'find a place for it';

/** The storage takes no more volumes, or cannot do what the type asks for. */
export async function demandPlace(run: About<unknown>, volumeId: string): Promise<void> {
  const volume = await read(run, (tx) => findVolume(tx, volumeId));
  const found = !volume || (await read(run, async (tx) => takesVolumes(tx, volume.typeId === null ? {} : ((await findType(tx, undefined, volume.typeId))?.extraSpecs ?? {}))));
  if (!found) throw new Refused('No valid backend was found');
}

/** Ends a transient state, if the volume is still there. */
export async function settle(tx: Transaction, run: About<unknown>, id: string, change: (volume: Volume) => Promise<VolumeChange>, event: string): Promise<void> {
  const volume = await lockVolume(tx, id);
  if (!volume) return;
  const changes = { workedOnAs: null, ...(await change(volume)) };
  await updateVolume(tx, id, changes, { now: run.services.clock.now() });
  await tellVolume(at(tx, run), event, { ...volume, ...changes });
}

/** A no for ever is not asked again. */
export async function asked<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Fault || (error instanceof DriverError && ['invalid', 'missing', 'stale'].includes(error.kind))) throw new Refused(error.message, { cause: error });
    throw error;
  }
}

export class Refused extends Error {
  override name = 'Refused';
  readonly retryable = false;
}

export function read<T>(run: About<unknown>, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return run.services.database.read(working, work);
}

export function at(tx: Transaction, run: About<unknown>) {
  const { clock, random } = run.services;
  return { tx, now: clock.now(), random, requestId: run.requestId };
}

/** For the owner: nothing of the storage's own words (ATTACKS 36). */
export function reason({ step: name }: Failure): string {
  return `The storage could not ${name}.`;
}
