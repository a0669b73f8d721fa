/** What was asked of servers, and that it was: in the transaction of the request. */
import { emit } from '../../kit/events/events.ts';
import type { Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { finishAction, insertAction, type NewAction } from './actions.store.ts';
import type { Server } from './servers.store.ts';

export async function noteAction(tx: Transaction, action: NewAction): Promise<void> {
  await Promise.all([insertAction(tx, action), tellAction(tx, 'start', action.startedAt, action)]);
}

export async function endAction(tx: Transaction, about: { serverId: string; projectId: string; requestId: string }, end: { result: 'Success' | 'Error'; message: string | null; now: Date }): Promise<void> {
  await finishAction(tx, about.serverId, about.requestId, end);
  await tellAction(tx, end.result === 'Success' ? 'end' : 'error', end.now, about);
}

/** Asked and done in one. */
export async function noteDone({ tx, caller, now, requestId }: Pick<Context, 'tx' | 'now' | 'requestId'> & { caller: Pick<Context['caller'], 'userId'> }, { id, projectId, hostId }: Pick<Server, 'id' | 'projectId' | 'hostId'>, action: string): Promise<void> {
  const about = { serverId: id, projectId, requestId };
  await noteAction(tx, { ...about, action, userId: caller.userId, startedAt: now, hostId });
  await endAction(tx, about, { result: 'Success', message: null, now });
}

/** Its id is the request's; the payload names the server below which it is shown. */
function tellAction(tx: Transaction, phase: 'start' | 'end' | 'error', now: Date, { serverId, projectId, requestId }: { serverId: string; projectId: string; requestId: string }): Promise<void> {
  return emit(tx, { now: () => now }, { type: `server_action.${phase}`, resource: 'server_action', resourceId: requestId, projectId, requestId, payload: { server_id: serverId } });
}
