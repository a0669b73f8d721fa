/** Which hosts are taken for dead, and that this is told once. */
import { emit } from '../../kit/events/events.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { forgetDeadBut, upsertDead, type DeadHost } from './dead-hosts.store.ts';
import { listHosts, type Host } from './hosts.ts';

export { selectDeadHosts as listDeadHosts } from './dead-hosts.store.ts';

/** Its connection was cut some seconds earlier: one that only stumbled is back by then. */
const deadAfterMs = 5_000;

export type Declared = { dead: readonly Host[]; /** What holds for all of them. */ state: DeadHost['state']; most: number; isNews: boolean };

/** More at once are no deaths of hosts, but of something that they share, or of our own hearing: a fifth, and always one. */
export function mostDead(hosts: number): number {
  return Math.max(1, Math.floor(hosts / 5));
}

/** As it is now; whoever has come back is forgotten. */
export async function declareDead(tx: Transaction, now: Date): Promise<Declared> {
  const hosts = await listHosts(tx);
  const dead = hosts.flatMap((host) => (host.goneAt !== null && now.getTime() - host.goneAt.getTime() >= deadAfterMs ? [{ ...host, goneAt: host.goneAt }] : []));
  await forgetDeadBut(tx, dead.map(({ id }) => id));
  const most = mostDead(hosts.length);
  const state = dead.length > most ? 'held' : 'evacuated';
  const news = new Set(await upsertDead(tx, dead, state, now));
  for (const host of dead.filter(({ id }) => news.has(id))) await emit(tx, { now: () => now }, { type: `host.dead.${state}`, resource: 'host', resourceId: host.id, payload: { hostname: host.hostname, gone_at: host.goneAt.toISOString() } });
  return { dead, state, most, isNews: news.size > 0 };
}
