/** What follows every change: the engine is told, and whoever watches. In the transaction of the change. */
import type { NetworkResource } from '../../drivers/driver.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { setDirty } from './projection.store.ts';

export type Kind = NetworkResource['kind'];

/** A change under way: a request's, or one that a workflow makes. */
export type Change = { readonly tx: Transaction; readonly now: Date; readonly requestId?: string | undefined };

/** Marks resources as differing from what the engine was told, deleted ones too. */
export async function mark(tx: Transaction, now: Date, kind: Kind, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await setDirty(tx, kind, ids, now);
}

/** `network.create.end` and the like; the payload names what cannot be looked up once it is gone. */
export async function tell(
  { tx, requestId, now }: Change,
  resource: string,
  verb: 'create' | 'update' | 'delete',
  { id, project_id: projectId }: { id: string; project_id: string },
  payload: Record<string, unknown> = {},
): Promise<void> {
  await emit(tx, { now: () => now }, { type: `${resource}.${verb}.end`, resource, resourceId: id, projectId, payload, requestId });
}
