/** The SQL of hosts that are taken for dead. */
import type { Transaction } from '../../kit/postgres/database.ts';

/** `held`: so many are, that it may be us who hear nothing. */
export type DeadHost = { hostId: string; goneAt: Date; state: 'evacuated' | 'held' };

export function selectDeadHosts(tx: Transaction): Promise<DeadHost[]> {
  return tx.rows`select host_id as "hostId", gone_at as "goneAt", state from placement.dead_host order by host_id`;
}

/** Those of which that is news. */
export async function upsertDead(tx: Transaction, hosts: readonly { id: string; goneAt: Date }[], state: DeadHost['state'], now: Date): Promise<string[]> {
  const rows = await tx.rows<{ hostId: string }>`
    insert into placement.dead_host as known (host_id, gone_at, state, declared_at)
    select id, gone_at, ${state}, ${now} from unnest(${hosts.map(({ id }) => id)}::text[], ${hosts.map(({ goneAt }) => goneAt.toISOString())}::timestamptz[]) as dead (id, gone_at)
    on conflict (host_id) do update set gone_at = excluded.gone_at, state = excluded.state, declared_at = excluded.declared_at
    where (known.state, known.gone_at) is distinct from (excluded.state, excluded.gone_at)
    returning host_id as "hostId"`;
  return rows.map(({ hostId }) => hostId);
}

/** All but these have come back. */
export async function forgetDeadBut(tx: Transaction, hostIds: readonly string[]): Promise<void> {
  await tx.run`delete from placement.dead_host where host_id <> all(${[...hostIds]}::text[])`;
}
