/** That something was plugged into a server or pulled out: for those who watch its volumes or interfaces. */
import type { Clock } from '../../kit/clock.ts';
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';

export type Plugged = { kind: 'volume' | 'interface'; id: string };

/** Below its server, whose id the payload names. */
export async function tellDevices(
  tx: Transaction,
  clock: Pick<Clock, 'now'>,
  { id: serverId, projectId }: { id: string; projectId: string },
  devices: readonly Plugged[],
  { verb, requestId }: { verb: 'attach.start' | 'attach.end' | 'detach.start' | 'detach.end' | 'update'; requestId?: string | undefined },
): Promise<void> {
  for (const { kind, id } of devices) {
    const resource = `server_${kind}`;
    await emit(tx, clock, { type: `${resource}.${verb}`, resource, resourceId: id, projectId, requestId, payload: { server_id: serverId } });
  }
}
