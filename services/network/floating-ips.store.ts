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
  qos_policy_id: string | null;
  /** Of the network that it is of: what bounds it when it has no policy of its own. */
  qos_network_policy_id: string | null;
  port_details: { name: string; network_id: string; mac_address: string; admin_state_up: boolean; status: string; device_id: string; device_owner: string } | null;
  port_forwardings: { id: string; protocol: string; internal_port_id: string; internal_ip_address: string; internal_port?: number; external_port?: number }[];
  description: string;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type Association = { port_id: string; fixed_ip_address: string; router_id: string };
export type Said = Pick<FloatingIp, 'description' | 'qos_policy_id'>;

const columns = sql`r.id, r.project_id, r.floating_network_id, r.floating_port_id, host(r.floating_ip_address) as floating_ip_address, r.port_id, host(r.fixed_ip_address) as fixed_ip_address,
  r.router_id, r.status, r.qos_policy_id, (select n.qos_policy_id from network.network n where n.id = r.floating_network_id) as qos_network_policy_id, r.description, r.tags, r.revision_number, r.created_at, r.updated_at,
  (select jsonb_build_object('name', p.name, 'network_id', p.network_id, 'mac_address', p.mac_address, 'admin_state_up', p.admin_state_up, 'status', p.status,
    'device_id', p.device_id, 'device_owner', p.device_owner) from network.port p where p.id = r.port_id) as port_details,
  coalesce((select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('id', w.id, 'protocol', w.protocol, 'internal_port_id', w.internal_port_id, 'internal_ip_address', host(w.internal_ip_address),
      'internal_port', case when upper(w.internal_ports) - lower(w.internal_ports) = 1 then lower(w.internal_ports) end, 'external_port', case when upper(w.external_ports) - lower(w.external_ports) = 1 then lower(w.external_ports) end))
      order by w.created_at, w.id)
    from network.port_forwarding w where w.floating_ip_id = r.id), '[]') as port_forwardings`;

export function selectFloatingIps(tx: Transaction, tail: Sql): Promise<FloatingIp[]> {
  return tx.rows<FloatingIp>(sql`select ${columns} from network.floating_ip r where ${tail}`);
}

/** Those of a network that lead nowhere. */
export function unusedFloatingIps(tx: Transaction, networkId: string): Promise<FloatingIp[]> {
  return selectFloatingIps(tx, sql`r.floating_network_id = ${networkId} and r.port_id is null and not exists (select from network.port_forwarding f where f.floating_ip_id = r.id)`);
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
  wish: { id: string; project_id: string; floating_network_id: string; floating_port_id: string; floating_ip_address: string; qos_policy_id: string | null; description: string },
  now: Date,
): Promise<void> {
  await tx.run`
    insert into network.floating_ip (id, project_id, floating_network_id, floating_port_id, floating_ip_address, qos_policy_id, description, created_at, updated_at)
    values (${wish.id}, ${wish.project_id}, ${wish.floating_network_id}, ${wish.floating_port_id}, ${wish.floating_ip_address}::inet, ${wish.qos_policy_id}, ${wish.description}, ${now}, ${now})`;
  await tx.run`update network.port set device_id = ${wish.id} where id = ${wish.floating_port_id}`;
}

export async function updateFloatingIpRow(tx: Transaction, id: string, to: { association: Association | null } & Said, now: Date): Promise<void> {
  const { association: at, description, qos_policy_id } = to;
  await tx.run`
    update network.floating_ip set port_id = ${at?.port_id ?? null}, fixed_ip_address = ${at?.fixed_ip_address ?? null}::inet, router_id = ${at?.router_id ?? null},
      status = case when ${at === null} then 'DOWN' else status end, description = ${description}, qos_policy_id = ${qos_policy_id}, revision_number = revision_number + 1, updated_at = ${now}
    where id = ${id}`;
}

/** Where it leads stays. */
export function describeFloatingIpRow(tx: Transaction, id: string, { description, qos_policy_id }: Said, now: Date): Promise<number> {
  return tx.run`update network.floating_ip set description = ${description}, qos_policy_id = ${qos_policy_id}, revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`;
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

/** The address that belongs to the port alone. */
export function associatedPort(tx: Transaction, portId: string): Promise<{ id: string; floating_ip_address: string } | undefined> {
  return tx.one`select id, host(floating_ip_address) as floating_ip_address from network.floating_ip where port_id = ${portId} order by id limit 1`;
}

/** Whether addresses go through the router, to this subnet or at all. */
export async function hasFloatingIps(tx: Transaction, routerId: string, subnetId?: string): Promise<boolean> {
  const inside = subnetId === undefined ? sql`true` : sql`exists (select from network.subnet s where s.id = ${subnetId} and (fixed_ip_address <<= s.cidr::inet
    or exists (select from network.port_forwarding w where w.floating_ip_id = f.id and w.internal_ip_address <<= s.cidr::inet)))`;
  return (await tx.one(sql`select 1 from network.floating_ip f where f.router_id = ${routerId} and ${inside} limit 1`)) !== undefined;
}

/** Whether addresses of that network go through the router. */
export async function hasFloatingIpsOf(tx: Transaction, routerId: string, networkId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.floating_ip where router_id = ${routerId} and floating_network_id = ${networkId} limit 1`) !== undefined;
}

export async function deleteFloatingIpRow(tx: Transaction, { id, floating_port_id }: FloatingIp): Promise<void> {
  await tx.run`delete from network.floating_ip where id = ${id}`;
  await tx.run`delete from network.port where id = ${floating_port_id}`;
}
