import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type FloatingIp = {
  id: string;
  project_id: string;
  floating_network_id: string;
  floating_port_id: string;
  floating_ip_address: string;
  port_id: string | null;
  fixed_ip_address: string | null;
  router_id: string | null;
  status: 'ACTIVE' | 'DOWN';
  port_details: { name: string; network_id: string; mac_address: string; admin_state_up: boolean; status: string; device_id: string; device_owner: string } | null;
  description: string;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type Association = { port_id: string; fixed_ip_address: string; router_id: string };

const columns = sql`r.id, r.project_id, r.floating_network_id, r.floating_port_id, host(r.floating_ip_address) as floating_ip_address, r.port_id, host(r.fixed_ip_address) as fixed_ip_address,
  r.router_id, r.status, r.description, r.tags, r.revision_number, r.created_at, r.updated_at,
  (select jsonb_build_object('name', p.name, 'network_id', p.network_id, 'mac_address', p.mac_address, 'admin_state_up', p.admin_state_up, 'status', p.status,
    'device_id', p.device_id, 'device_owner', p.device_owner) from network.port p where p.id = r.port_id) as port_details`;

export function selectFloatingIps(tx: Transaction, tail: Sql): Promise<FloatingIp[]> {
  return tx.rows<FloatingIp>(sql`select ${columns} from network.floating_ip r where ${tail}`);
}

export async function findFloatingIp(tx: Transaction, id: string): Promise<FloatingIp | undefined> {
  return (await selectFloatingIps(tx, sql`r.id = ${id}`))[0];
}

export async function lockFloatingIp(tx: Transaction, id: string): Promise<FloatingIp | undefined> {
  const found = await tx.one`select id from network.floating_ip where id = ${id} for update`;
  return found && findFloatingIp(tx, id);
}

export async function insertFloatingIp(
  tx: Transaction,
  wish: { id: string; project_id: string; floating_network_id: string; floating_port_id: string; floating_ip_address: string; description: string },
  now: Date,
): Promise<void> {
  await tx.run`
    insert into network.floating_ip (id, project_id, floating_network_id, floating_port_id, floating_ip_address, description, created_at, updated_at)
    values (${wish.id}, ${wish.project_id}, ${wish.floating_network_id}, ${wish.floating_port_id}, ${wish.floating_ip_address}::inet, ${wish.description}, ${now}, ${now})`;
  await tx.run`update network.port set device_id = ${wish.id} where id = ${wish.floating_port_id}`;
}

export async function updateFloatingIpRow(tx: Transaction, id: string, to: { association: Association | null; description: string }, now: Date): Promise<void> {
  const { association: at, description } = to;
  await tx.run`
    update network.floating_ip set port_id = ${at?.port_id ?? null}, fixed_ip_address = ${at?.fixed_ip_address ?? null}::inet, router_id = ${at?.router_id ?? null},
      status = case when ${at === null} then 'DOWN' else status end, description = ${description}, revision_number = revision_number + 1, updated_at = ${now}
    where id = ${id}`;
}

/** The address that this address of the port has on the external network, if it has one. */
export function associatedWith(tx: Transaction, networkId: string, { port_id, fixed_ip_address }: Association): Promise<{ id: string } | undefined> {
  return tx.one`select id from network.floating_ip where floating_network_id = ${networkId} and port_id = ${port_id} and fixed_ip_address = ${fixed_ip_address}::inet`;
}

/** Takes away the association of these addresses of the port. */
export function freeFloatingIpsOfPort(tx: Transaction, portId: string, addresses: readonly string[], now: Date): Promise<{ id: string; project_id: string }[]> {
  return tx.rows`
    update network.floating_ip set port_id = null, fixed_ip_address = null, router_id = null, status = 'DOWN', revision_number = revision_number + 1, updated_at = ${now}
    where port_id = ${portId} and fixed_ip_address = any(${[...addresses]}::inet[]) returning id, project_id`;
}

/** Whether addresses go through the router, to this subnet or at all. */
export async function hasFloatingIps(tx: Transaction, routerId: string, subnetId?: string): Promise<boolean> {
  const inside = subnetId === undefined ? sql`true` : sql`fixed_ip_address <<= (select cidr::inet from network.subnet where id = ${subnetId})`;
  return (await tx.one(sql`select 1 from network.floating_ip where router_id = ${routerId} and ${inside} limit 1`)) !== undefined;
}

export async function deleteFloatingIpRow(tx: Transaction, { id, floating_port_id }: FloatingIp): Promise<void> {
  await tx.run`delete from network.floating_ip where id = ${id}`;
  await tx.run`delete from network.port where id = ${floating_port_id}`;
}
