/** What users say of where their servers are to be, besides groups. nova/scheduler/filters/affinity_filter.py */
import type { Transaction } from '../../kit/postgres/database.ts';
import { findHost } from '../placement/hosts.ts';
import { findServer, type Server } from './servers.store.ts';

/** Hosts that it must not share, and the only one that it may; servers of others are as if there were none. */
export async function hintedHosts(tx: Transaction, { schedulerHints, projectId }: Pick<Server, 'schedulerHints' | 'projectId'>): Promise<{ exclude: string[]; only: string | null }> {
  const [different, same] = [await hostsOf(tx, projectId, schedulerHints['different_host']), await hostsOf(tx, projectId, schedulerHints['same_host'])];
  const [first] = same;
  return { exclude: different, only: first === undefined ? null : ((await findHost(tx, first))?.hostname ?? null) };
}

async function hostsOf(tx: Transaction, projectId: string, hint: unknown): Promise<string[]> {
  const hosts: string[] = [];
  for (const id of [hint].flat()) {
    const server = typeof id === 'string' ? await findServer(tx, id) : undefined;
    if (server?.projectId === projectId && server.hostId !== null) hosts.push(server.hostId);
  }
  return hosts;
}
