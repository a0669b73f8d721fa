import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { mark } from './changes.ts';
import type { FixedIp } from './ports.store.ts';

export type Route = { destination: string; nexthop: string };

export type Router = {
  id: string;
  project_id: string;
  name: string;
  description: string;
  admin_state_up: boolean;
  status: string;
  enable_snat: boolean;
  /** What bounds its way out. */
  qos_policy_id: string | null;
  gateway: WayOut | null;
  /** Beside that one. */
  extra_gateways: WayOut[];
  enable_default_route_ecmp: boolean;
  enable_default_route_bfd: boolean;
  enable_ndp_proxy: boolean;
  routes: Route[];
  ha: boolean;
  availability_zone_hints: string[];
  flavor_id: string | null;
  /** Where an operator wants its ways out, the preferred first. */
  gateway_hosts: string[] | null;
  tags: string[];
  revision_number: number;
  created_at: Date;
  updated_at: Date;
};

export type WayOut = { port_id: string; network_id: string; place: number; fixed_ips: FixedIp[] };

/** One address of a router on one of its networks, the gateway's left out. */
export type RouterAddress = { port_id: string; network_id: string; subnet_id: string; cidr: string; address: string };

const wayOut = sql.raw(`jsonb_build_object('port_id', p.id, 'network_id', p.network_id, 'place', p.gateway_place, 'fixed_ips', coalesce((
      select jsonb_agg(jsonb_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.address)) order by family(a.address), a.address) from network.allocation a where a.port_id = p.id), '[]'))`);

const columns = sql`r.id, r.project_id, r.name, r.description, r.admin_state_up, r.status, r.enable_snat, r.qos_policy_id,
  (select ${wayOut} from network.port p where p.router_id = r.id and p.device_owner = 'network:router_gateway' and p.gateway_place = 0) as gateway,
  coalesce((select jsonb_agg(${wayOut} order by p.gateway_place) from network.port p where p.router_id = r.id and p.gateway_place > 0), '[]') as extra_gateways, r.enable_default_route_ecmp, r.enable_default_route_bfd, r.enable_ndp_proxy,
  r.routes, r.ha, r.availability_zone_hints, r.flavor_id, r.gateway_hosts, r.tags, r.revision_number, r.created_at, r.updated_at`;

export function selectRouters(tx: Transaction, tail: Sql): Promise<Router[]> {
  return tx.rows<Router>(sql`select ${columns} from network.router r where ${tail}`);
}

export async function findRouter(tx: Transaction, id: string): Promise<Router | undefined> {
  return (await selectRouters(tx, sql`r.id = ${id}`))[0];
}

/** Until the end of the transaction nobody else changes it, its ports or what goes through it. */
export async function lockRouter(tx: Transaction, id: string): Promise<Router | undefined> {
  const found = await tx.one`select id from network.router where id = ${id} for update`;
  return found && findRouter(tx, id);
}

export async function insertRouter(tx: Transaction, router: Pick<Router, 'id' | 'project_id' | 'name' | 'description' | 'admin_state_up' | 'ha' | 'availability_zone_hints' | 'flavor_id' | 'enable_default_route_ecmp' | 'enable_default_route_bfd'>, now: Date): Promise<void> {
  await tx.run`
    insert into network.router (id, project_id, name, description, admin_state_up, ha, availability_zone_hints, flavor_id, enable_default_route_ecmp, enable_default_route_bfd, created_at, updated_at)
    values (${router.id}, ${router.project_id}, ${router.name}, ${router.description}, ${router.admin_state_up}, ${router.ha}, ${router.availability_zone_hints}::text[], ${router.flavor_id}, ${router.enable_default_route_ecmp}, ${router.enable_default_route_bfd}, ${now}, ${now})`;
}

export async function updateRouterRow(tx: Transaction, router: Pick<Router, 'id' | 'name' | 'description' | 'admin_state_up' | 'enable_snat' | 'qos_policy_id' | 'ha' | 'routes' | 'enable_default_route_ecmp' | 'enable_default_route_bfd'>, now: Date): Promise<void> {
  await tx.run`
    update network.router set name = ${router.name}, description = ${router.description}, admin_state_up = ${router.admin_state_up}, enable_snat = ${router.enable_snat}, qos_policy_id = ${router.qos_policy_id}, ha = ${router.ha},
      enable_default_route_ecmp = ${router.enable_default_route_ecmp}, enable_default_route_bfd = ${router.enable_default_route_bfd}, routes = ${sql.json(router.routes)}::jsonb, revision_number = revision_number + 1, updated_at = ${now} where id = ${router.id}`;
}

export async function setProxying(tx: Transaction, id: string, enabled: boolean): Promise<void> {
  await tx.run`update network.router set enable_ndp_proxy = ${enabled} where id = ${id}`;
}

/** Null: wherever its zones have it. */
export async function putGatewayHosts(tx: Transaction, id: string, hosts: readonly string[] | null): Promise<void> {
  await tx.run`update network.router set gateway_hosts = ${hosts && [...hosts]}::text[] where id = ${id}`;
}

/** This way out is the router's own from now on, and what was it before is where this one was. */
export async function promoteGateway(tx: Transaction, routerId: string, { port_id: portId, place }: WayOut): Promise<void> {
  await tx.run`update network.port set gateway_place = -1 where id = ${portId}`;
  await tx.run`update network.port set gateway_place = ${place} where router_id = ${routerId} and device_owner = 'network:router_gateway' and gateway_place = 0`;
  await tx.run`update network.port set gateway_place = 0 where id = ${portId}`;
}

export async function touchRouter(tx: Transaction, id: string, now: Date): Promise<void> {
  await tx.run`update network.router set revision_number = revision_number + 1, updated_at = ${now} where id = ${id}`;
}

export async function deleteRouterRow(tx: Transaction, id: string): Promise<void> {
  await tx.run`delete from network.router where id = ${id}`;
}

export function addressesOfRouter(tx: Transaction, routerId: string): Promise<RouterAddress[]> {
  return tx.rows<RouterAddress>`
    select p.id as port_id, p.network_id, s.id as subnet_id, s.cidr::text as cidr, host(a.address) as address
    from network.port p join network.allocation a on a.port_id = p.id join network.subnet s on s.id = a.subnet_id
    where p.router_id = ${routerId} and p.device_owner = 'network:router_interface' order by a.address`;
}

/** The router through which this subnet reaches the external network; undefined when there is none. */
export async function routerBetween(tx: Transaction, subnetId: string, externalNetworkId: string): Promise<string | undefined> {
  const row = await tx.one<{ id: string }>`
    select r.id from network.router r
    join network.port inside on inside.router_id = r.id and inside.device_owner = 'network:router_interface'
    join network.allocation a on a.port_id = inside.id and a.subnet_id = ${subnetId}
    join network.port outside on outside.router_id = r.id and outside.device_owner = 'network:router_gateway' and outside.network_id = ${externalNetworkId}
    join network.subnet s on s.id = ${subnetId}
    order by a.address <> coalesce(s.gateway_ip, a.address), r.id limit 1`;
  return row?.id;
}

/** Routers with a foot on this network must be told anew. */
export async function markRoutersOfNetwork(tx: Transaction, networkId: string, now: Date): Promise<void> {
  const rows = await tx.rows<{ id: string }>`select distinct router_id as id from network.port where network_id = ${networkId} and router_id is not null`;
  await mark(tx, now, 'router', rows.map(({ id }) => id));
}
