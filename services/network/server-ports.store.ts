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
    where p.server_id = ${sql.anyOf(serverIds)} order by p.created_at, p.id`;
  const found = new Map<string, ServerPortState[]>(serverIds.map((id) => [id, []]));
  for (const { serverId, ...port } of rows) found.get(serverId)?.push(port);
  return found;
}

export type ServerPortShown = Pick<ServerPortState, 'portId' | 'networkName' | 'mac' | 'floatingIps' | 'securityGroups'> & { addresses: { address: string; version: 4 | 6 }[] };

/** As much as lists of servers show. Each table is asked once for all of them: together, for each port, it costs several times that. */
export async function shownPortsOfServers(tx: Transaction, serverIds: readonly string[]): Promise<Map<string, ServerPortShown[]>> {
  if (serverIds.length === 1) return portsOfServers(tx, serverIds);
  const theirs = sql`p.server_id = ${sql.anyOf(serverIds)}`;
  const [ports, addresses, floatingIps, groups] = await Promise.all([
    tx.rows<Pick<ServerPort, 'portId' | 'networkName' | 'mac'> & { serverId: string }>`
      select p.server_id as "serverId", p.id as "portId", n.name as "networkName", p.mac_address as mac
      from network.port p join network.network n on n.id = p.network_id where ${theirs} order by p.created_at, p.id`,
    tx.rows<{ portId: string; address: string; version: 4 | 6 }>`
      select a.port_id as "portId", host(a.address) as address, family(a.address) as version
      from network.port p join network.allocation a on a.port_id = p.id where ${theirs} order by family(a.address), a.address`,
    tx.rows<{ portId: string; address: string }>`
      select f.port_id as "portId", host(f.floating_ip_address) as address
      from network.port p join network.floating_ip f on f.port_id = p.id where ${theirs} order by f.floating_ip_address`,
    tx.rows<{ portId: string; id: string; name: string }>`
      select m.port_id as "portId", g.id, g.name
      from network.port p join network.port_security_group m on m.port_id = p.id join network.security_group g on g.id = m.security_group_id where ${theirs} order by g.name, g.id`,
  ]);
  const addressesOf = Map.groupBy(addresses, ({ portId }) => portId);
  const floatingIpsOf = Map.groupBy(floatingIps, ({ portId }) => portId);
  const groupsOf = Map.groupBy(groups, ({ portId }) => portId);
  const found = new Map<string, ServerPortShown[]>(serverIds.map((id) => [id, []]));
  for (const { serverId, ...port } of ports)
    found.get(serverId)?.push({ ...port, addresses: addressesOf.get(port.portId) ?? [], floatingIps: (floatingIpsOf.get(port.portId) ?? []).map(({ address }) => address), securityGroups: groupsOf.get(port.portId) ?? [] });
  return found;
}

export function groupsOfServer(tx: Transaction, serverId: string): Promise<SecurityGroup[]> {
  return selectSecurityGroups(
    tx,
    sql`r.id in (select m.security_group_id from network.port_security_group m join network.port p on p.id = m.port_id where p.server_id = ${serverId})
      order by r.name, r.id`,
  );
}
