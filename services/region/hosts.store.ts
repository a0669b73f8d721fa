/** The only file that names the tables of hosts that joined. */
import { sql, type Transaction } from '../../kit/postgres/database.ts';

export type Host = { id: string; name: string; keyHash: string | null; seenAt: Date | null; servers: number; createdAt: Date };

const columns = sql`id, name, key_hash as "keyHash", seen_at as "seenAt", created_at as "createdAt", (select count(*)::int from region.host_server where host_id = host.id and state <> 'lost') as servers`;

export function selectHosts(tx: Transaction): Promise<Host[]> {
  return tx.rows<Host>`select ${columns} from region.host order by created_at, id`;
}

export function selectHost(tx: Transaction, id: string): Promise<Host | undefined> {
  return tx.one<Host>`select ${columns} from region.host where id = ${id}`;
}

/** Enough to know who comes: asked every second, so without a count of what each was given. */
export function selectHostKeys(tx: Transaction): Promise<Pick<Host, 'id' | 'name' | 'keyHash'>[]> {
  return tx.rows`select id, name, key_hash as "keyHash" from region.host order by created_at, id`;
}

type Invitation = { secretHash: Buffer; until: Date };

/** Also of one that was invited before and never came. Its id; undefined when there is such a host. */
export async function insertHost(tx: Transaction, { id, name, now, secretHash, until }: { id: string; name: string; now: Date } & Invitation): Promise<string | undefined> {
  const row = await tx.one<{ id: string }>`
    insert into region.host (id, name, secret_hash, invited_until, created_at) values (${id}, ${name}, ${secretHash}, ${until}, ${now})
    on conflict (name) do update set secret_hash = excluded.secret_hash, invited_until = excluded.invited_until where host.key_hash is null
    returning id`;
  return row?.id;
}

/** Its key is taken back in the same moment. */
export async function renewHost(tx: Transaction, id: string, { secretHash, until }: Invitation): Promise<void> {
  await tx.run`update region.host set key_hash = null, secret_hash = ${secretHash}, invited_until = ${until} where id = ${id}`;
}

/** Once; and again for the same key, until it has come: the answer may have been lost. Its name; undefined when that is not who was invited. */
export async function redeemHost(tx: Transaction, { id, secretHash, keyHash, now }: { id: string; secretHash: Buffer; keyHash: string; now: Date }): Promise<string | undefined> {
  const row = await tx.one<{ name: string }>`
    update region.host set key_hash = ${keyHash}
    where id = ${id} and secret_hash = ${secretHash} and invited_until > ${now} and (key_hash is null or key_hash = ${keyHash})
    returning name`;
  return row?.name;
}

/** Those that came have no use for an invitation any more. */
export async function markSeen(tx: Transaction, ids: readonly string[], now: Date): Promise<void> {
  await tx.run`update region.host set seen_at = ${now}, secret_hash = null, invited_until = null where id = any(${[...ids]}::text[]) and key_hash is not null`;
}

/** What it lost is nobody's to remove any more: it never comes in again. */
export async function deleteHost(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from region.host_server where host_id = ${id} and state = 'lost'`;
  await tx.run`delete from region.host where id = ${id}`;
}

export type GivenRow = { serverId: string; portIds: string[]; state: 'coming' | 'holds' | 'lost'; diskEpoch: number };

export function selectGiven(tx: Transaction, hostId: string): Promise<GivenRow[]> {
  return tx.rows`select server_id as "serverId", port_ids as "portIds", state, disk_epoch as "diskEpoch" from region.host_server where host_id = ${hostId} order by server_id`;
}

export function selectHolder(tx: Transaction, serverId: string): Promise<{ hostId: string; diskEpoch: number } | undefined> {
  return tx.one`select host_id as "hostId", disk_epoch as "diskEpoch" from region.host_server where server_id = ${serverId} and state = 'holds'`;
}

/** Of all hosts in one look. */
export function selectAllGiven(tx: Transaction): Promise<(GivenRow & { hostId: string })[]> {
  return tx.rows`select host_id as "hostId", server_id as "serverId", port_ids as "portIds", state, disk_epoch as "diskEpoch" from region.host_server order by host_id, server_id`;
}

/** What it had of it before is not asked: `coming` never takes the place of what it holds. */
export async function upsertGiven(tx: Transaction, hostId: string, { serverId, portIds, state, diskEpoch }: { serverId: string; portIds: readonly string[]; state: 'coming' | 'holds'; diskEpoch: number }): Promise<void> {
  await tx.run`
    insert into region.host_server (server_id, host_id, port_ids, state, disk_epoch) values (${serverId}, ${hostId}, ${[...portIds]}::text[], ${state}, ${diskEpoch})
    on conflict (server_id, host_id) do update set port_ids = excluded.port_ids, disk_epoch = excluded.disk_epoch, state = case when host_server.state = 'holds' then 'holds' else excluded.state end`;
}

/** All others lose it. Null: the region's first machine has it. */
export async function passOver(tx: Transaction, serverId: string, hostId: string | null): Promise<void> {
  await tx.run`update region.host_server set state = 'lost' where server_id = ${serverId} and host_id is distinct from ${hostId}`;
  await tx.run`update region.host_server set state = 'holds' where server_id = ${serverId} and host_id = ${hostId}`;
}

export async function deleteGiven(tx: Transaction, hostId: string, serverId: string): Promise<void> {
  await tx.run`delete from region.host_server where host_id = ${hostId} and server_id = ${serverId}`;
}
