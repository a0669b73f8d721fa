import { sql, type Transaction } from '../../kit/postgres/database.ts';
import { byNumber, byText } from './listing.ts';

export type SubnetAvailability = { subnet_id: string; subnet_name: string; cidr: string; ip_version: 4 | 6; /** In decimal. */ total: string; used_ips: number };
export type NetworkAvailability = { network_id: string; network_name: string; project_id: string; subnets: SubnetAvailability[] };

export type Sought = { network_id?: string[]; network_name?: string[]; project_id?: string[]; tenant_id?: string[]; /** Networks with such subnets, and of theirs only these. */ ip_version?: string[] };

export function networkAvailabilities(tx: Transaction, { network_id, network_name, project_id, tenant_id, ip_version }: Sought): Promise<NetworkAvailability[]> {
  const networks = sql.and([
    ...(network_id ? [byText(sql`n.id`)(network_id)] : []),
    ...(network_name ? [byText(sql`n.name`)(network_name)] : []),
    ...[project_id, tenant_id].flatMap((each) => (each ? [byText(sql`n.project_id`)(each)] : [])),
    ...(ip_version ? [sql`exists (select from network.subnet v where v.network_id = n.id and ${byNumber(sql`v.ip_version`)(ip_version)})`] : []),
  ]);
  const subnets = ip_version ? byNumber(sql`s.ip_version`)(ip_version) : sql`true`;
  return tx.rows<NetworkAvailability>(sql`
    select n.id as network_id, n.name as network_name, n.project_id, coalesce(jsonb_agg(jsonb_build_object(
        'subnet_id', s.id, 'subnet_name', s.name, 'cidr', s.cidr::text, 'ip_version', s.ip_version, 'used_ips', (select count(*) from network.allocation a where a.subnet_id = s.id),
        'total', (select coalesce(sum(network.distance(p.first, p.last) + 1), 2::numeric ^ ((case s.ip_version when 4 then 32 else 128 end) - masklen(s.cidr)))::numeric(40, 0)::text from network.pool p where p.subnet_id = s.id)
      ) order by s.created_at, s.id) filter (where s.id is not null), '[]') as subnets
    from network.network n left join network.subnet s on s.network_id = n.id and ${subnets}
    where ${networks} group by n.id order by n.id`);
}
