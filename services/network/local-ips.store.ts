import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';

export type LocalIp = {
  id: string; project_id: string; name: string; description: string; local_port_id: string; network_id: string; local_ip_address: string; ip_mode: 'translate' | 'passthrough'; revision_number: number; created_at: Date; updated_at: Date;
};
export type LocalIpAssociation = { id: string; local_ip_id: string; local_ip_address: string; fixed_port_id: string; fixed_ip: string; host: string };

export const localIpTable = sql`network.local_ip`;
export const localIpColumns = sql`r.id, r.project_id, r.name, r.description, r.local_port_id, r.network_id, host(r.local_ip_address) as local_ip_address, r.ip_mode, r.revision_number, r.created_at, r.updated_at`;

/** `id` is the port's: an address has a port once. */
export const associationTable = sql`(select a.fixed_port_id as id, a.local_ip_id, host(l.local_ip_address) as local_ip_address, a.fixed_port_id, host(a.fixed_ip) as fixed_ip, coalesce(p.host_id, '') as host
  from network.local_ip_association a join network.local_ip l on l.id = a.local_ip_id left join network.port p on p.id = a.fixed_port_id)`;

export function selectAssociations(tx: Transaction, tail: Sql): Promise<LocalIpAssociation[]> {
  return tx.rows<LocalIpAssociation>(sql`select r.id, r.local_ip_id, r.local_ip_address, r.fixed_port_id, r.fixed_ip, r.host from ${associationTable} r where ${tail}`);
}

/** False when the port answers to it already. */
export async function insertAssociation(tx: Transaction, { local_ip_id: localIpId, fixed_port_id: portId, fixed_ip: address }: Pick<LocalIpAssociation, 'local_ip_id' | 'fixed_port_id' | 'fixed_ip'>, now: Date): Promise<boolean> {
  const made = await tx.one`
    insert into network.local_ip_association (local_ip_id, fixed_port_id, fixed_ip, created_at) values (${localIpId}, ${portId}, ${address}::inet, ${now}) on conflict do nothing returning local_ip_id`;
  return made !== undefined;
}

export async function deleteAssociation(tx: Transaction, localIpId: string, portId: string): Promise<boolean> {
  return (await tx.one`delete from network.local_ip_association where local_ip_id = ${localIpId} and fixed_port_id = ${portId} returning local_ip_id`) !== undefined;
}

export async function isLocalPort(tx: Transaction, portId: string): Promise<boolean> {
  return (await tx.one`select id from network.local_ip where local_port_id = ${portId} limit 1`) !== undefined;
}

/** Of whatever project: ports of the addresses to which these answer, and those that answer to theirs. */
export async function portsAround(tx: Transaction, portIds: readonly string[]): Promise<string[]> {
  const rows = await tx.rows<{ id: string }>`select id from network.ports_around(${[...portIds]}) id`;
  return rows.map(({ id }) => id);
}

const answers = sql`exists (select from network.allocation x where x.port_id = a.fixed_port_id and x.address = a.fixed_ip)`;

/** To what a port `r` answers, as the projection reads it: of two ports on one host the newer does. */
export const localIpsOfPort: Sql = sql`(select jsonb_build_object('localIps', jsonb_agg(jsonb_build_object('address', host(local.address), 'translatedTo', local.translated) order by local.address)) from (
    select distinct on (l.local_ip_address) l.local_ip_address as address, case l.ip_mode when 'translate' then host(a.fixed_ip) end as translated
    from network.local_ip_association a join network.local_ip l on l.id = a.local_ip_id
    where a.fixed_port_id = r.id and ${answers} and not exists (
      select from network.local_ip_association other join network.port p on p.id = other.fixed_port_id
      where other.local_ip_id = a.local_ip_id and p.host_id = r.host_id and (other.created_at, other.fixed_port_id) > (a.created_at, a.fixed_port_id))
    order by l.local_ip_address, a.created_at desc) local having count(*) > 0)`;

/** Addresses of a port `r` to which others answer. */
export const takenOfPort: Sql = sql`(select jsonb_build_object('takenAddresses', jsonb_agg(distinct host(l.local_ip_address) order by host(l.local_ip_address))) from network.local_ip l
  where l.local_port_id = r.id and exists (select from network.local_ip_association a where a.local_ip_id = l.id and ${answers}) having count(*) > 0)`;
