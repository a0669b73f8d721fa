/** What the network changes of a server without compute being asked: its addresses, and the groups that guard it. Its guest is told by compute. */
import type { Transaction } from '../../kit/postgres/database.ts';
import type { Change } from './changes.ts';
import { insertNews, insertNewsOfGroup } from './server-news.store.ts';

export { takeNews as takeServerNews } from './server-news.store.ts';

export const serverNewsChannel = 'network.server-news';

/** The servers that have these ports, if any. */
export async function newsOfPorts({ tx, now }: Change, portIds: readonly (string | null)[]): Promise<void> {
  const ids = portIds.filter((id) => id !== null);
  if (ids.length > 0 && (await insertNews(tx, ids, now)) > 0) wake(tx);
}

/** Guests are told the names of their groups. */
export async function newsOfGroup({ tx, now }: Change, groupId: string): Promise<void> {
  if ((await insertNewsOfGroup(tx, groupId, now)) > 0) wake(tx);
}

function wake(tx: Transaction): void {
  tx.wake(serverNewsChannel);
}
