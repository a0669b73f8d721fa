import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { sharedWithReader } from './rbac-policies.store.ts';
import type { ShownPlace } from './places.ts';
import { placesOfNetwork } from './segments.store.ts';

export type Network = {
  id: string;
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  /** With whoever asks. */
  shared: boolean;
  /** Some project's way out, or everybody's. */
  external: boolean;
  is_default: boolean;
  mtu: number;
  port_security_enabled: boolean;
  /** Guests have VLANs of their own there. */
  vlan_transparent: boolean;
  /** Shown to administrators alone. */
  places: ShownPlace[];
  dns_domain: string;
  availability_zone_hints: string[];
  qos_policy_id: string | null;
  subnets: string[];
  ipv4_address_scope: string | null;
  ipv6_address_scope: string | null;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewNetwork = Omit<Network, 'places' | 'shared' | 'external' | 'subnets' | 'ipv4_address_scope' | 'ipv6_address_scope' | 'tags' | 'revision_number' | 'created_at' | 'updated_at'>;

/** All subnets of one version are from one pool. */
const scopeOf = (version: 4 | 6): Sql => sql`(select p.address_scope_id from network.subnet s join network.pool_allocation a on a.subnet_id = s.id join network.subnet_pool p on p.id = a.pool_id
  where s.network_id = r.id and s.ip_version = ${sql.raw(String(version))} limit 1)`;

export async function isDefaultNetwork(tx: Transaction, id: string): Promise<boolean> {
  return (await tx.one<{ is_default: boolean }>`select is_default from network.network where id = ${id}`)?.is_default === true;
}

const columns = sql`r.id, r.project_id, r.name, r.description, r.admin_state_up, ${sharedWithReader(sql`r.shared_with`)} as shared, r.external_to <> '{}' as external, r.is_default, r.mtu, r.port_security_enabled, r.vlan_transparent, ${placesOfNetwork} as places, r.dns_domain, r.availability_zone_hints, r.qos_policy_id,
  array(select s.id from network.subnet s where s.network_id = r.id order by s.created_at, s.id) as subnets, ${scopeOf(4)} as ipv4_address_scope, ${scopeOf(6)} as ipv6_address_scope, r.tags, r.revision_number, r.created_at, r.updated_at`;

export function selectNetworks(tx: Transaction, tail: Sql): Promise<Network[]> {
  return tx.rows<Network>(sql`select ${columns} from network.network r where ${tail}`);
}

export function findNetwork(tx: Transaction, id: string): Promise<Network | undefined> {
  return tx.one<Network>`select ${columns} from network.network r where id = ${id}`;
}

/** What ports are made by: all of a network is the dearest question of a new port. */
export type GroundOfPorts = Pick<Network, 'id' | 'project_id' | 'shared' | 'port_security_enabled' | 'qos_policy_id'>;

export function findGroundOfPorts(tx: Transaction, id: string): Promise<GroundOfPorts | undefined> {
  return tx.one<GroundOfPorts>`select r.id, r.project_id, ${sharedWithReader(sql`r.shared_with`)} as shared, r.port_security_enabled, r.qos_policy_id from network.network r where r.id = ${id}`;
}

/** Until the end of the transaction nobody else changes it or adds subnets; undefined when it is not ours to change. */
export async function lockNetwork(tx: Transaction, id: string): Promise<Network | undefined> {
  const found = await tx.one`select id from network.network where id = ${id} for update`;
  return found && findNetwork(tx, id);
}

export async function insertNetwork(tx: Transaction, network: NewNetwork, now: Date): Promise<void> {
  await tx.run`
    insert into network.network (id, project_id, name, description, admin_state_up, is_default, mtu, port_security_enabled, vlan_transparent, dns_domain, availability_zone_hints, qos_policy_id, created_at, updated_at)
    values (${network.id}, ${network.project_id}, ${network.name}, ${network.description}, ${network.admin_state_up}, ${network.is_default},
      ${network.mtu}, ${network.port_security_enabled}, ${network.vlan_transparent}, ${network.dns_domain}, ${network.availability_zone_hints}::text[], ${network.qos_policy_id}, ${now}, ${now})`;
}

export async function updateNetworkRow(tx: Transaction, network: Network, now: Date): Promise<void> {
  await tx.run`
    update network.network set name = ${network.name}, description = ${network.description}, admin_state_up = ${network.admin_state_up},
      is_default = ${network.is_default}, mtu = ${network.mtu}, port_security_enabled = ${network.port_security_enabled}, dns_domain = ${network.dns_domain}, qos_policy_id = ${network.qos_policy_id},
      revision_number = revision_number + 1, updated_at = ${now} where id = ${network.id}`;
}

/** Something on it changed. */
export async function touchNetwork(tx: Transaction, id: string, now: Date): Promise<void> {
  await tx.run`update network.network set revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`;
}

export async function deleteNetworkRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.network where id = ${id}`;
}

/** Whoever else would make the external network waits until the end of the transaction. */
export async function holdBootstrap(tx: Transaction): Promise<void> {
  await tx.run`select pg_advisory_xact_lock(hashtext('network.bootstrap'))`;
}
