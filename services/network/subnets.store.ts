import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { sharedWithReader } from './rbac-policies.store.ts';

export type Subnet = {
  id: string;
  project_id: string;
  network_id: string;
  network_external: boolean;
  network_shared: boolean;
  name: string;
  description: string;
  ip_version: 4 | 6;
  cidr: string;
  gateway_ip: string | null;
  enable_dhcp: boolean;
  allocation_pools: { start: string; end: string }[];
  dns_nameservers: string[];
  host_routes: { destination: string; nexthop: string }[];
  ipv6_ra_mode: string | null;
  ipv6_address_mode: string | null;
  subnetpool_id: string | null;
  service_types: string[];
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type NewSubnet = Omit<Subnet, 'subnetpool_id' | 'network_external' | 'network_shared' | 'tags' | 'revision_number' | 'created_at' | 'updated_at'>;

/** Whether guests choose their addresses in it by themselves, from their MAC: neutron/common/ipv6_utils.py, is_auto_address_subnet. */
export function isAutomatic({ ipv6_ra_mode: ra, ipv6_address_mode: address }: Pick<Subnet, 'ipv6_ra_mode' | 'ipv6_address_mode'>): boolean {
  return [ra, address].some((mode) => mode === 'slaac' || mode === 'dhcpv6-stateless');
}

const columns = sql`r.id, r.project_id, r.network_id, r.network_external_to <> '{}' as network_external, ${sharedWithReader(sql`r.network_shared_with`)} as network_shared, r.name, r.description, r.ip_version, r.cidr::text as cidr, host(r.gateway_ip) as gateway_ip, r.enable_dhcp,
  coalesce((select jsonb_agg(jsonb_build_object('start', host(p.first), 'end', host(p.last)) order by p.first) from network.pool p where p.subnet_id = r.id), '[]') as allocation_pools,
  r.dns_nameservers, r.host_routes, r.ipv6_ra_mode, r.ipv6_address_mode, (select a.pool_id from network.pool_allocation a where a.subnet_id = r.id) as subnetpool_id, r.service_types, r.tags, r.revision_number, r.created_at, r.updated_at`;

export function selectSubnets(tx: Transaction, tail: Sql): Promise<Subnet[]> {
  return tx.rows<Subnet>(sql`select ${columns} from network.subnet r where ${tail}`);
}

export async function findSubnet(tx: Transaction, id: string): Promise<Subnet | undefined> {
  return (await selectSubnets(tx, sql`r.id = ${id}`))[0];
}

/** In the order in which addresses are taken from them. */
export function subnetsOfNetwork(tx: Transaction, networkId: string): Promise<Subnet[]> {
  return selectSubnets(tx, sql`r.network_id = ${networkId} order by r.created_at, r.id`);
}

/** Until the end of the transaction no address of it is taken; undefined when it is not ours to change. */
export async function lockSubnet(tx: Transaction, id: string): Promise<Subnet | undefined> {
  const found = await tx.one`select id from network.subnet where id = ${id} for update`;
  return found && findSubnet(tx, id);
}

export async function insertSubnet(tx: Transaction, subnet: NewSubnet, now: Date): Promise<void> {
  await tx.run`
    insert into network.subnet (id, project_id, network_id, network_project_id, network_shared_with, network_external_to, name, description, ip_version, cidr, gateway_ip,
      enable_dhcp, dns_nameservers, host_routes, ipv6_ra_mode, ipv6_address_mode, service_types, created_at, updated_at)
    select ${subnet.id}, ${subnet.project_id}, n.id, n.project_id, n.shared_with, n.external_to, ${subnet.name}, ${subnet.description}, ${subnet.ip_version}, ${subnet.cidr}::cidr, ${subnet.gateway_ip}::inet,
      ${subnet.enable_dhcp}, ${subnet.dns_nameservers}::text[], ${sql.json(subnet.host_routes)}::jsonb, ${subnet.ipv6_ra_mode}, ${subnet.ipv6_address_mode}, ${subnet.service_types}::text[], ${now}, ${now}
    from network.network n where n.id = ${subnet.network_id}`;
  await replacePools(tx, subnet.id, subnet.allocation_pools);
}

export async function updateSubnetRow(tx: Transaction, subnet: Subnet, now: Date): Promise<void> {
  await tx.run`
    update network.subnet set name = ${subnet.name}, description = ${subnet.description}, gateway_ip = ${subnet.gateway_ip}::inet, enable_dhcp = ${subnet.enable_dhcp},
      dns_nameservers = ${subnet.dns_nameservers}::text[], host_routes = ${sql.json(subnet.host_routes)}::jsonb, service_types = ${subnet.service_types}::text[], revision_number = revision_number + 1, updated_at = ${now}
    where id = ${subnet.id}`;
}

export async function replacePools(tx: Transaction, subnetId: string, pools: { start: string; end: string }[]): Promise<void> {
  await tx.run`delete from network.pool where subnet_id = ${subnetId}`;
  await tx.run`
    insert into network.pool (subnet_id, first, last)
    select ${subnetId}, first::inet, last::inet from unnest(${pools.map(({ start }) => start)}::text[], ${pools.map(({ end }) => end)}::text[]) as pool (first, last)`;
}

export function deleteSubnetRows(tx: Transaction, which: { id: string } | { networkId: string }): Promise<{ id: string; project_id: string }[]> {
  return tx.rows(sql`delete from network.subnet where ${'id' in which ? sql`id = ${which.id}` : sql`network_id = ${which.networkId}`} returning id, project_id`);
}

/** Who has addresses of this subnet, the service port left out. */
export async function usersOfSubnet(tx: Transaction, subnetId: string): Promise<string[]> {
  const rows = await tx.rows<{ port_id: string }>`
    select a.port_id from network.allocation a
    where a.subnet_id = ${subnetId} and not exists (select from network.port p where p.id = a.port_id and p.device_owner = 'network:distributed') limit 10`;
  return rows.map((row) => row.port_id);
}

/** Which port has this address of the network, if any. */
export async function holderOf(tx: Transaction, networkId: string, address: string): Promise<string | undefined> {
  return (await tx.one<{ port_id: string }>`select port_id from network.allocation where network_id = ${networkId} and address = ${address}::inet`)?.port_id;
}
