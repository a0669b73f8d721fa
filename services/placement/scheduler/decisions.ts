/** Why a server is where it is. */
import type { Transaction } from '../../../kit/postgres/database.ts';
import { ranked } from './deciding.ts';
import { selectDecisions, type DecisionRecord, type KeptDecision } from './decisions.store.ts';

export type { DecisionRecord, KeptDecision } from './decisions.store.ts';

/** Of this server: the newest first. */
export function listDecisions(tx: Transaction, serverId: string, limit = 10): Promise<KeptDecision[]> {
  return selectDecisions(tx, serverId, limit);
}

/** The host that it gives when it is taken again from what was weighed. */
export function replay({ finalists, scales, lost }: DecisionRecord): string | undefined {
  return ranked(finalists, scales).find(({ hostId }) => !lost.includes(hostId))?.hostId;
}
