import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { selectSecurityGroups, type SecurityGroup } from './security-groups.store.ts';

export type ServerPort = {
  portId: string;
  networkId: string;
  networkName: string;
  mac: string;
  mtu: number;
  addresses: { address: string; version: 4 | 6; subnetId: string; cidr: string; gateway: string | null; dnsServers: string[] }[];
  madeForServer: boolean;
};

export type ServerPortState = ServerPort & { status: 'ACTIVE' | 'DOWN'; floatingIps: string[]; securityGroups: { id: string; name: string }[] };

/** The ports of each server in the order in which its guest sees them. */
export async function portsOfServers(tx: Transaction, serverIds: readonly string[]): Promise<Map<string, ServerPortState[]>> {
  const rows = await tx.rows<ServerPortState & { serverId: string }>`
    select p.server_id as "serverId", p.id as "portId", p.network_id as "networkId", n.name as "networkName", p.mac_address as mac, n.mtu, p.made_for_server as "madeForServer", p.status,
      coalesce((select jsonb_agg(jsonb_build_object('address', host(a.address), 'version', family(a.address), 'subnetId', s.id, 'cidr', s.cidr::text, 'gateway', host(s.gateway_ip),
          'dnsServers', to_jsonb(s.dns_nameservers)) order by family(a.address), a.address)
        from network.allocation a join network.subnet s on s.id = a.subnet_id where a.port_id = p.id), '[]') as addresses,
      array(select host(f.floating_ip_address) from network.floating_ip f where f.port_id = p.id order by f.floating_ip_address) as "floatingIps",
      coalesce((select jsonb_agg(jsonb_build_object('id', g.id, 'name', g.name) order by g.name, g.id)
        from network.port_security_group m join network.security_group g on g.id = m.security_group_id where m.port_id = p.id), '[]') as "securityGroups"
    from network.port p join network.network n on n.id = p.network_id
    where p.server_id = any(${[...serverIds]}::text[]) order by p.created_at, p.id`;
  const found = new Map<string, ServerPortState[]>(serverIds.map((id) => [id, []]));
  for (const { serverId, ...port } of rows) found.get(serverId)?.push(port);
  return found;
}

export function groupsOfServer(tx: Transaction, serverId: string): Promise<SecurityGroup[]> {
  return selectSecurityGroups(
    tx,
    sql`r.id in (select m.security_group_id from network.port_security_group m join network.port p on p.id = m.port_id where p.server_id = ${serverId})
      order by r.name, r.id`,
  );
}
