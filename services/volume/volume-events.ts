/** Every change of a volume or snapshot, told in the transaction that makes it. */
import { emit } from '../../kit/events/events.ts';
import type { Snapshot } from './snapshots.store.ts';
import type { Volume } from './volumes.store.ts';
import type { Starting } from './work.ts';

export function tellVolume({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, sizeGiB }: Volume): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume', resourceId: id, projectId, requestId, payload: { name, status, sizeGiB } });
}

export function tellSnapshot({ tx, now, requestId }: Starting, type: string, { id, projectId, name, status, sizeGiB, volumeId }: Snapshot): Promise<void> {
  return emit(tx, { now: () => now }, { type, resource: 'volume_snapshot', resourceId: id, projectId, requestId, payload: { name, status, sizeGiB, volumeId } });
}
