import type { Transaction } from '../../kit/postgres/database.ts';
import { refreshServerWorkflow, subjectOf } from './server-steps.ts';
import type { Compute } from './servers.ts';
import type { Server } from './servers.store.ts';

/** The host serves what the guest may know about itself: it has to hear of changes. */
export async function refreshServer(compute: Pick<Compute, 'workflows'>, { tx, requestId }: { tx: Transaction; requestId?: string | undefined }, server: Server): Promise<void> {
  if (server.hostId === null || server.vmState === 'building' || server.vmState === 'error') return;
  await compute.workflows.start(tx, refreshServerWorkflow, { subject: subjectOf(server.id), input: { serverId: server.id }, projectId: server.projectId, requestId });
}
