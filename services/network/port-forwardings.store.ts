import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type Ports = { first: number; last: number };

export type PortForwarding = {
  id: string;
  project_id: string;
  floating_ip_id: string;
  internal_port_id: string;
  internal_ip_address: string;
  protocol: 'tcp' | 'udp';
  external: Ports;
  internal: Ports;
  description: string;
};

const ports = (column: Sql) => sql`jsonb_build_object('first', lower(${column}), 'last', upper(${column}) - 1)`;

const columns = sql`r.id, r.project_id, r.floating_ip_id, r.internal_port_id, host(r.internal_ip_address) as internal_ip_address, r.protocol,
  ${ports(sql`r.external_ports`)} as external, ${ports(sql`r.internal_ports`)} as internal, r.description`;

export function selectForwardings(tx: Transaction, tail: Sql): Promise<PortForwarding[]> {
  return tx.rows<PortForwarding>(sql`select ${columns} from network.port_forwarding r where ${tail}`);
}

export async function findForwarding(tx: Transaction, floatingIpId: string, id: string): Promise<PortForwarding | undefined> {
  return (await selectForwardings(tx, sql`r.id = ${id} and r.floating_ip_id = ${floatingIpId}`))[0];
}

const range = ({ first, last }: Ports) => sql`int4range(${first}, ${last}, '[]')`;

/** Makes it, or makes it so. */
export async function putForwarding(tx: Transaction, wish: PortForwarding, now: Date): Promise<void> {
  await tx.run(sql`
    insert into network.port_forwarding (id, project_id, floating_ip_id, internal_port_id, internal_ip_address, protocol, external_ports, internal_ports, description, created_at)
    values (${wish.id}, ${wish.project_id}, ${wish.floating_ip_id}, ${wish.internal_port_id}, ${wish.internal_ip_address}::inet, ${wish.protocol}, ${range(wish.external)}, ${range(wish.internal)}, ${wish.description}, ${now})
    on conflict (id) do update set internal_port_id = excluded.internal_port_id, internal_ip_address = excluded.internal_ip_address, protocol = excluded.protocol,
      external_ports = excluded.external_ports, internal_ports = excluded.internal_ports, description = excluded.description`);
}

/** Others with a port of this address, or leading to a socket, that this one would have too. */
export function collidingWith(tx: Transaction, wish: PortForwarding): Promise<PortForwarding[]> {
  return selectForwardings(tx, sql`r.id <> ${wish.id} and r.protocol = ${wish.protocol} and (
    r.floating_ip_id = ${wish.floating_ip_id} and r.external_ports && ${range(wish.external)}
    or r.internal_port_id = ${wish.internal_port_id} and r.internal_ip_address = ${wish.internal_ip_address}::inet and r.internal_ports && ${range(wish.internal)}) limit 1`);
}

export async function deleteForwardingRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.port_forwarding where id = ${id}`;
}

/** Takes away what leads to these addresses of the port. */
export function deleteForwardingsTo(tx: Transaction, portId: string, addresses: readonly string[]): Promise<{ id: string; project_id: string; floating_ip_id: string }[]> {
  return tx.rows`
    delete from network.port_forwarding where internal_port_id = ${portId} and internal_ip_address = any(${[...addresses]}::inet[]) returning id, project_id, floating_ip_id`;
}

export async function hasForwardings(tx: Transaction, floatingIpId: string): Promise<boolean> {
  return (await tx.one`select 1 from network.port_forwarding where floating_ip_id = ${floatingIpId} limit 1`) !== undefined;
}

/** Through this router; they are told of its networks. */
export async function forwardingsThrough(tx: Transaction, routerId: string): Promise<string[]> {
  return (await tx.rows<{ id: string }>`select p.id from network.port_forwarding p join network.floating_ip f on f.id = p.floating_ip_id where f.router_id = ${routerId}`).map(({ id }) => id);
}

/** Without forwardings the address goes through no router any more. */
export async function leadThrough(tx: Transaction, floatingIpId: string, routerId: string | null, now: Date): Promise<void> {
  await tx.run`
    update network.floating_ip set router_id = ${routerId}, status = case when ${routerId === null} then 'DOWN' else status end, revision_number = revision_number + 1, updated_at = ${now} where id = ${floatingIpId}`;
}
