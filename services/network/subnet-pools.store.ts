import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { sharedWithReader } from './rbac-policies.store.ts';

export type SubnetPool = {
  id: string;
  project_id: string;
  name: string;
  description: string;
  ip_version: 4 | 6;
  prefixes: string[];
  default_prefixlen: number;
  min_prefixlen: number;
  max_prefixlen: number;
  default_quota: number | null;
  is_default: boolean;
  address_scope_id: string | null;
  /** With whoever asks. */
  shared: boolean;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewSubnetPool = Omit<SubnetPool, 'shared' | 'tags' | 'revision_number' | 'created_at' | 'updated_at'>;

const columns = sql`r.id, r.project_id, r.name, r.description, r.ip_version, r.prefixes::text[] as prefixes, r.default_prefixlen, r.min_prefixlen, r.max_prefixlen, r.default_quota,
  r.is_default, r.address_scope_id, ${sharedWithReader(sql`r.shared_with`)} as shared, r.tags, r.revision_number, r.created_at, r.updated_at`;

export function selectSubnetPools(tx: Transaction, tail: Sql): Promise<SubnetPool[]> {
  return tx.rows<SubnetPool>(sql`select ${columns} from network.subnet_pool r where ${tail}`);
}

export async function findSubnetPool(tx: Transaction, id: string): Promise<SubnetPool | undefined> {
  return (await selectSubnetPools(tx, sql`r.id = ${id}`))[0];
}

/** Undefined when it is not ours to change. */
export async function lockSubnetPool(tx: Transaction, id: string): Promise<SubnetPool | undefined> {
  const found = await tx.one`select id from network.subnet_pool where id = ${id} for update`;
  return found && findSubnetPool(tx, id);
}

/** Until the end of the transaction nobody else takes of it, changes it or deletes it: also of one that is shared and not ours. */
export async function holdSubnetPool(tx: Transaction, id: string): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('network.subnet_pool'), hashtext(${id}))`;
}

export async function insertSubnetPool(tx: Transaction, pool: NewSubnetPool, now: Date): Promise<void> {
  await tx.run`
    insert into network.subnet_pool (id, project_id, name, description, ip_version, prefixes, default_prefixlen, min_prefixlen, max_prefixlen, default_quota, is_default, address_scope_id, created_at, updated_at)
    values (${pool.id}, ${pool.project_id}, ${pool.name}, ${pool.description}, ${pool.ip_version}, ${pool.prefixes}::text[]::cidr[], ${pool.default_prefixlen}, ${pool.min_prefixlen}, ${pool.max_prefixlen},
      ${pool.default_quota}, ${pool.is_default}, ${pool.address_scope_id}, ${now}, ${now})`;
}

export async function updateSubnetPoolRow(tx: Transaction, pool: SubnetPool, now: Date): Promise<void> {
  await tx.run`
    update network.subnet_pool set name = ${pool.name}, description = ${pool.description}, prefixes = ${pool.prefixes}::text[]::cidr[], default_prefixlen = ${pool.default_prefixlen},
      min_prefixlen = ${pool.min_prefixlen}, max_prefixlen = ${pool.max_prefixlen}, default_quota = ${pool.default_quota}, is_default = ${pool.is_default}, address_scope_id = ${pool.address_scope_id},
      revision_number = revision_number + 1, updated_at = ${now} where id = ${pool.id}`;
}

export async function deleteSubnetPoolRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.subnet_pool where id = ${id}`;
}

/** Of all projects. */
export function takenOfPool(tx: Transaction, id: string): Promise<{ cidr: string; projectId: string }[]> {
  return tx.rows<{ cidr: string; projectId: string }>`select cidr::text as cidr, taker_project_id as "projectId" from network.pool_allocation where pool_id = ${id} order by cidr`;
}

export async function insertPoolAllocation(tx: Transaction, { poolId, cidr, subnetId, projectId }: { poolId: string; cidr: string; subnetId: string; projectId: string }): Promise<void> {
  await tx.run`insert into network.pool_allocation (pool_id, cidr, subnet_id, taker_project_id) values (${poolId}, ${cidr}::cidr, ${subnetId}, ${projectId})`;
}

export async function isDefaultPoolThere(tx: Transaction, version: 4 | 6): Promise<boolean> {
  return (await tx.one`select id from network.subnet_pool where ip_version = ${version} and is_default`) !== undefined;
}
