/** What was asked of servers, and that it was: in the transaction of the request. */
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { finishAction, insertAction, type NewAction } from './actions.store.ts';

export async function noteAction(tx: Transaction, action: NewAction): Promise<void> {
  await Promise.all([insertAction(tx, action), tellAction(tx, 'start', action.startedAt, action)]);
}

export async function endAction(tx: Transaction, about: { serverId: string; projectId: string; requestId: string }, end: { result: 'Success' | 'Error'; message: string | null; now: Date }): Promise<void> {
  await finishAction(tx, about.serverId, about.requestId, end);
  await tellAction(tx, end.result === 'Success' ? 'end' : 'error', end.now, about);
}

/** Its id is the request's; the payload names the server below which it is shown. */
function tellAction(tx: Transaction, phase: 'start' | 'end' | 'error', now: Date, { serverId, projectId, requestId }: { serverId: string; projectId: string; requestId: string }): Promise<void> {
  return emit(tx, { now: () => now }, { type: `server_action.${phase}`, resource: 'server_action', resourceId: requestId, projectId, requestId, payload: { server_id: serverId } });
}
