import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import type { Candidate } from './placing.ts';

export type MachineSpec = { flavor: string; image: string; networks: string[]; security_groups?: string[]; key_name?: string; user_data?: string; metadata?: Record<string, string> };
/** Money in nano-units, as text. */
export type Burst = { hourlyAtMost?: string; stopLoss?: string; longestSeconds?: number; keepFreeVcpus?: number; homeAfterSeconds?: number };

export type Machine = { id: string; state: 'intended' | 'starting' | 'running' | 'leaving'; kind: Candidate['kind'] | null; region: string | null; serverId: string | null; hourly: string | null; since: string };

export type Fleet = {
  id: string;
  projectId: string;
  userId: string;
  name: string;
  size: number;
  status: 'active' | 'deleting';
  machine: MachineSpec;
  burst: Burst | null;
  burstSpent: string;
  currency: string | null;
  obstacle: string | null;
  roomSince: Date | null;
  createdAt: Date;
  updatedAt: Date;
  machines: Machine[];
};

const columns = sql`f.id, f.project_id as "projectId", f.user_id as "userId", f.name, f.size, f.status, f.machine, f.burst, f.burst_spent::text as "burstSpent", f.currency, f.obstacle, f.room_since as "roomSince",
  f.created_at as "createdAt", f.updated_at as "updatedAt",
  (select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'state', m.state, 'kind', m.kind, 'region', m.region, 'serverId', m.server_id, 'hourly', m.hourly::text, 'since', m.since) order by m.since, m.id), '[]')
    from broker.fleet_machine m where m.fleet_id = f.id) as machines`;

export function selectFleets(tx: Transaction, where: Sql): Promise<Fleet[]> {
  return tx.rows<Fleet>(sql`select ${columns} from broker.fleet f where ${where} order by f.created_at, f.id`);
}

export async function findFleet(tx: Transaction, id: string): Promise<Fleet | undefined> {
  return (await selectFleets(tx, sql`f.id = ${id}`))[0];
}

/** Nobody else changes it, or makes machines for it, until the end of the transaction. */
export async function lockFleet(tx: Transaction, id: string): Promise<Fleet | undefined> {
  const locked = await tx.one`select id from broker.fleet where id = ${id} for update`;
  return locked && findFleet(tx, id);
}

export async function insertFleet(tx: Transaction, { id, projectId, userId, name, size, machine, burst }: Pick<Fleet, 'id' | 'projectId' | 'userId' | 'name' | 'size' | 'machine' | 'burst'>, now: Date): Promise<void> {
  await tx.run`
    insert into broker.fleet (id, project_id, user_id, name, size, status, machine, burst, created_at, updated_at)
    values (${id}, ${projectId}, ${userId}, ${name}, ${size}, 'active', ${sql.json(machine)}::jsonb, ${burst === null ? null : sql.json(burst)}::jsonb, ${now}, ${now})`;
}

export async function updateFleet(tx: Transaction, { id, name, size, status, burst }: Pick<Fleet, 'id' | 'name' | 'size' | 'status' | 'burst'>, now: Date): Promise<void> {
  await tx.run`update broker.fleet set name = ${name}, size = ${size}, status = ${status}, burst = ${burst === null ? null : sql.json(burst)}::jsonb, updated_at = ${now} where id = ${id}`;
}

export async function setObstacle(tx: Transaction, id: string, obstacle: string | null): Promise<boolean> {
  return (await tx.run`update broker.fleet set obstacle = ${obstacle} where id = ${id} and obstacle is distinct from ${obstacle}`) > 0;
}

export async function setRoomSince(tx: Transaction, id: string, since: Date | null): Promise<void> {
  await tx.run`update broker.fleet set room_since = ${since} where id = ${id}`;
}

export async function deleteFleet(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from broker.fleet where id = ${id}`;
}

export async function insertMachine(tx: Transaction, machine: { id: string; fleetId: string; projectId: string; kind: Candidate['kind']; hourly: bigint; currency: string | null }, now: Date): Promise<void> {
  const { id, fleetId, projectId, kind, hourly, currency } = machine;
  await tx.run`insert into broker.fleet_machine (id, fleet_id, project_id, state, kind, hourly, since) values (${id}, ${fleetId}, ${projectId}, 'intended', ${kind}, ${String(hourly)}::numeric, ${now})`;
  if (kind === 'partner') await tx.run`update broker.fleet set currency = coalesce(currency, ${currency}) where id = ${fleetId}`;
}

export async function updateMachine(tx: Transaction, { id, state, region, serverId, hourly }: Pick<Machine, 'id' | 'state' | 'region' | 'serverId' | 'hourly'>, since: Date): Promise<void> {
  await tx.run`update broker.fleet_machine set state = ${state}, region = ${region}, server_id = ${serverId}, hourly = ${hourly}::numeric, since = ${since} where id = ${id}`;
}

/** What it cost at a partner's is added to what bursting has cost, once. */
export async function endMachine(tx: Transaction, fleetId: string, machineId: string, spent: bigint): Promise<void> {
  const gone = await tx.run`delete from broker.fleet_machine where id = ${machineId}`;
  if (gone === 1 && spent > 0n) await tx.run`update broker.fleet set burst_spent = burst_spent + ${String(spent)}::numeric where id = ${fleetId}`;
}
