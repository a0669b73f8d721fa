/** What the engine should hold, read in one statement: contents and generations are of one moment. */
import type { NetworkResource } from '../../drivers/driver.ts';
import { sql, type Sql, type Transaction } from '../../kit/postgres/database.ts';
import { listHosts, type Host } from '../placement/hosts.ts';
import type { Kind } from './changes.ts';
import { cloudDomain } from './dns-names.ts';
import { logOfGroup } from './logs.store.ts';
import { rulesOfRouter } from './metering.store.ts';
import { localIpsOfPort, takenOfPort } from './local-ips.store.ts';
import { proxiesOfRouter } from './ndp-proxies.store.ts';
import { networkPolicy } from './ports.store.ts';
import { countersFor, type Asked } from './traffic-counters.ts';

export type Ref = { kind: Kind; id: string };

/** `resource` is undefined when the engine should not hold it. */
export type Projected = Ref & { generation: number; resource: NetworkResource | undefined };

export async function setDirty(tx: Transaction, kind: Kind, ids: readonly string[], now: Date): Promise<void> {
  // In one order, so that two who mark the same resources wait for one another instead of deadlocking.
  await tx.run`
    insert into network.projection as p (kind, id, generation, dirty_since)
    select ${kind}, id, nextval('network.generation'), ${now} from unnest(${[...new Set(ids)].sort()}::text[]) id
    on conflict (kind, id) do update set
      generation = greatest(p.generation + 1, nextval('network.generation')), dirty_since = coalesce(p.dirty_since, excluded.dirty_since), retry_at = null, failures = 0`;
}

/** What waits to be told, the oldest first. */
export function dirtyRefs(tx: Transaction, { now, limit }: { now: Date; limit: number }): Promise<Ref[]> {
  return tx.rows<Ref>`
    select kind, id from network.projection where dirty_since is not null and (retry_at is null or retry_at <= ${now})
    order by dirty_since, generation limit ${limit}`;
}

export async function readProjected(tx: Transaction, refs: readonly Ref[] | 'all'): Promise<Projected[]> {
  const of = (kind: Kind): Sql | undefined => {
    if (refs === 'all') return sql`true`;
    const ids = refs.filter((ref) => ref.kind === kind).map(({ id }) => id);
    return ids.length === 0 ? undefined : sql`r.id = ${sql.anyOf(ids)}`;
  };
  const parts = (Object.keys(specs) as Kind[]).flatMap((kind) => {
    const which = of(kind);
    return which ? [sql`${specs[kind]} and ${which}`] : [];
  });
  if (parts.length === 0) return [];
  const known = refs === 'all' ? sql`true` : sql`(p.kind, p.id) in (select * from unnest(${refs.map(({ kind }) => kind)}::text[], ${refs.map(({ id }) => id)}::text[]))`;
  const rows = await tx.rows<Ref & { generation: string; spec: object | null }>(sql`
    select p.kind, p.id, p.generation::text as generation, wanted.spec from network.projection p
    left join (${sql.join(parts, ' union all ')}) wanted (kind, id, spec) on wanted.kind = p.kind and wanted.id = p.id
    where ${known}`);
  const hosts = rows.some(({ spec }) => zonesOf(spec).length > 0) ? await listHosts(tx) : [];
  return rows.map(({ kind, id, generation, spec }) => ({
    kind,
    id,
    generation: Number(generation),
    resource: spec === null ? undefined : ({ kind, id, generation: Number(generation), ...counted(placed(spec, hosts)) } as NetworkResource),
  }));
}

const zonesOf = (spec: object | null): string[] => (spec && 'zones' in spec ? (spec.zones as string[]) : []);

/** Zones are ours; an engine knows hosts. */
function placed(spec: object, hosts: readonly Host[]): object {
  if (!('zones' in spec)) return spec;
  const { zones, hosts: chosen, ...rest } = spec as { zones: string[]; hosts: string[] | null };
  if (chosen) return { ...rest, gatewayHosts: chosen, inOrder: true };
  return { ...rest, gatewayHosts: zones.length === 0 ? null : hosts.filter((host) => zones.includes(host.availabilityZone)).map(({ id }) => id) };
}

/** Rules are ours; an engine knows counters. */
function counted(spec: object): object {
  if (!('metered' in spec)) return spec;
  const { metered, ...rest } = spec as { metered: Asked[] };
  return { ...rest, counters: countersFor(metered) };
}

/** Nothing is left to tell about these, unless they changed since they were read. */
export async function clearMarks(tx: Transaction, told: readonly Projected[]): Promise<void> {
  const which = (list: readonly Projected[]) =>
    sql`(kind, id, generation) in (select * from unnest(${list.map(({ kind }) => kind)}::text[], ${list.map(({ id }) => id)}::text[], ${list.map(({ generation }) => generation)}::bigint[]))`;
  const there = told.filter(({ resource }) => resource !== undefined);
  const gone = told.filter(({ resource }) => resource === undefined);
  // What many need is told with each of them: those who have nothing to clear of it need not wait for one another. In one order,
  // so that two who have told the same wait for one another instead of deadlocking.
  if (there.length > 0)
    await tx.run(sql`
      with held as (select kind, id from network.projection where dirty_since is not null and ${which(there)} order by kind, id for no key update)
      update network.projection p set dirty_since = null, retry_at = null, failures = 0 from held where p.kind = held.kind and p.id = held.id`);
  // What has gone may come again (a floating address that is associated, a port that leaves its router): its row stays while it exists.
  if (gone.length > 0) {
    await tx.run(sql`delete from network.projection p where ${which(gone)} and not exists (select from network.port r where r.id = p.id)
      and not exists (select from network.floating_ip r where r.id = p.id)`);
    await tx.run(sql`update network.projection set dirty_since = null, retry_at = null, failures = 0 where ${which(gone)}`);
  }
}

/** Asks again later, each time a little later. */
export async function postpone(tx: Transaction, refs: readonly Ref[], now: Date): Promise<void> {
  await tx.run`
    update network.projection set failures = failures + 1, retry_at = ${now}::timestamptz + make_interval(secs => least(60, 0.5 * 2 ^ least(failures, 10)))
    where (kind, id) in (select * from unnest(${refs.map(({ kind }) => kind)}::text[], ${refs.map(({ id }) => id)}::text[]))`;
}

/** Goes past generations that the engine has seen and the database has not, as after the restore of a backup: twice as far each time. */
export async function leapGeneration(tx: Transaction, { kind, id, generation }: Projected): Promise<void> {
  await tx.run`update network.projection set generation = 2 * generation where kind = ${kind} and id = ${id} and generation = ${generation}`;
}

/** These ports with all that they need to work: networks, groups and those that they name, routers, floating addresses. */
export function neededBy(tx: Transaction, portIds: readonly string[]): Promise<Ref[]> {
  return tx.rows<Ref>`
    with carried as (select s.port_id from network.subport s join network.trunk t on t.id = s.trunk_id where t.port_id = ${sql.anyOf(portIds)}),
    port as (select id, network_id from network.port where id = ${sql.anyOf(portIds)} or id in (select port_id from carried)),
    member as (select g.security_group_id as id from network.port_security_group g join port on port.id = g.port_id),
    router as (select distinct r.router_id as id from network.port r join port on port.network_id = r.network_id where r.router_id is not null)
    select 'network' as kind, network_id as id from port
    union select 'network', p.network_id from network.port p join router on p.router_id = router.id
    union select 'security-group', id from member
    union select 'security-group', r.remote_group_id from network.security_group_rule r join member on r.security_group_id = member.id where r.remote_group_id is not null
    union select 'router', id from router
    union select 'port', id from port
    union select 'floating-ip', f.id from network.floating_ip f join port on f.port_id = port.id
    union select 'port-forwarding', f.id from network.port_forwarding f join port on f.internal_port_id = port.id`;
}

export function overdueMarks(tx: Transaction, before: Date): Promise<(Ref & { dirty_since: Date })[]> {
  return tx.rows`select kind, id, dirty_since from network.projection where dirty_since < ${before} order by dirty_since limit 100`;
}

export async function countDirty(tx: Transaction): Promise<number> {
  return (await tx.one<{ count: number }>`select count(*)::int as count from network.projection where dirty_since is not null`)!.count;
}

const list = (from: Sql) => sql`coalesce((${from}), '[]'::jsonb)`;

const addresses = sql.raw(`coalesce((select jsonb_agg(jsonb_build_object('subnetId', a.subnet_id, 'address', host(a.address)) order by family(a.address), a.address)
  from network.allocation a where a.port_id = p.id), '[]'::jsonb)`);

const qosOf = (policy: Sql) => sql`(select jsonb_build_object(
          'limits', coalesce(jsonb_agg(jsonb_build_object('direction', h ->> 'direction', 'kbps', h -> 'max_kbps', 'burstKbps', h -> 'max_burst_kbps') order by h ->> 'direction') filter (where (h ->> 'max_kbps')::int > 0), '[]'),
          'dscp', max((h ->> 'dscp_mark')::int))
        from network.qos_policy q, jsonb_array_elements(q.rules) h where q.id = ${policy} having count(*) filter (where (h ->> 'max_kbps')::int > 0 or h ? 'dscp_mark') > 0)`;

/** Its own, or what its external network has: neutron/common/utils.py, effective_qos_policy_id. */
const floatingIpQos = qosOf(sql`coalesce(r.qos_policy_id, (select n.qos_policy_id from network.network n where n.id = r.floating_network_id))`);
const gatewayQos = qosOf(sql`coalesce(r.qos_policy_id, (select n.qos_policy_id from network.network n where n.id = p.network_id))`);

const withPrefix = sql.raw(`coalesce((select jsonb_agg(host(a.address) || '/' || masklen(s.cidr) order by family(a.address), a.address)
  from network.allocation a join network.subnet s on s.id = a.subnet_id where a.port_id = p.id), '[]'::jsonb)`);

const wayOut = sql`jsonb_build_object('portId', p.id, 'networkId', p.network_id, 'mac', p.mac_address, 'addresses', ${withPrefix},
          'nextHops', ${list(sql`select jsonb_agg(distinct host(s.gateway_ip)) from network.allocation a join network.subnet s on s.id = a.subnet_id where a.port_id = p.id and s.gateway_ip is not null`)})`;

/** The whole name first, which is also what the address leads back to; then the first label, and that in the network's domain. */
const dnsNames = sql`(select coalesce(jsonb_agg(name order by place), '[]') from (
    select name, min(place) as place from unnest(array[
      case when r.dns_name like '%.' then rtrim(r.dns_name, '.') else r.dns_name || '.' || ${cloudDomain.slice(0, -1)} end, rtrim(r.dns_name, '.'),
      (select split_part(r.dns_name, '.', 1) || '.' || rtrim(n.dns_domain, '.') from network.network n where n.id = r.network_id and n.dns_domain <> '')]) with ordinality as one (name, place)
    where name is not null group by name) names)`;

const routes = (column: Sql) => list(sql`select jsonb_agg(jsonb_build_object('destination', h ->> 'destination', 'nextHop', h ->> 'nexthop') order by place)
  from jsonb_array_elements(${column}) with ordinality as route (h, place)`);

const specs: Record<Kind, Sql> = {
  network: sql`
    select 'network' as kind, r.id, jsonb_build_object(
      'projectId', r.project_id, 'adminUp', r.admin_state_up, 'mtu', r.mtu, 'physicalNetwork', on_physical.places -> 0 -> 'physicalNetwork', 'vlan', on_physical.places -> 0 -> 'vlan',
      'tunnel', (select s.segmentation_id from network.segment s where s.network_id = r.id and s.physical_network is null order by s.segment_index limit 1),
      'subnets', ${list(sql`select jsonb_agg(jsonb_build_object('id', s.id, 'version', s.ip_version, 'cidr', s.cidr::text, 'gateway', host(s.gateway_ip), 'dhcp', s.enable_dhcp, 'ipv6Mode', coalesce(s.ipv6_ra_mode, s.ipv6_address_mode),
          'dnsServers', to_jsonb(s.dns_nameservers), 'hostRoutes', ${routes(sql`s.host_routes`)}) order by s.created_at, s.id)
        from network.subnet s where s.network_id = r.id`)},
      'domain', ${cloudDomain.slice(0, -1)}::text,
      'servicePort', (select jsonb_build_object('mac', p.mac_address, 'addresses', ${addresses})
        from network.port p where p.network_id = r.id and p.device_owner = 'network:distributed'))
      || case when r.vlan_transparent then '{"vlanTransparent": true}'::jsonb else '{}' end
      || case when jsonb_array_length(on_physical.places) > 1 then jsonb_build_object('otherPlaces', on_physical.places - 0) else '{}' end as spec
    from network.network r,
      lateral (select coalesce(jsonb_agg(jsonb_build_object('physicalNetwork', s.physical_network, 'vlan', s.segmentation_id) order by s.segment_index), '[]') as places
        from network.segment s where s.network_id = r.id and s.physical_network is not null) on_physical
    where true`,
  'security-group': sql`
    select 'security-group', r.id, jsonb_build_object(
      'projectId', r.project_id, 'stateful', r.stateful,
      'rules', ${list(sql`select jsonb_agg(jsonb_build_object('id', case when a.cidr is null then u.id else u.id || '/' || a.cidr end, 'direction', u.direction, 'version', case u.ethertype when 'IPv4' then 4 else 6 end,
          'protocol', case u.protocol when 'icmpv6' then 'ipv6-icmp' else u.protocol end, 'portMin', u.port_range_min, 'portMax', u.port_range_max,
          'remote', case when u.remote_group_id is not null then jsonb_build_object('kind', 'group', 'id', u.remote_group_id)
            when a.cidr is not null then jsonb_build_object('kind', 'cidr', 'cidr', a.cidr::text)
            when u.normalized_cidr is not null then jsonb_build_object('kind', 'cidr', 'cidr', u.normalized_cidr::text) else jsonb_build_object('kind', 'any') end) order by u.created_at, u.id, a.place)
        from network.security_group_rule u left join network.address_group g on g.id = u.remote_address_group_id
        left join lateral unnest(g.addresses) with ordinality a (cidr, place) on family(a.cidr) = case u.ethertype when 'IPv4' then 4 else 6 end
        where u.security_group_id = r.id and (u.remote_address_group_id is null or a.cidr is not null)`)})
      || coalesce((select jsonb_build_object('log', told) from (select ${logOfGroup} as told) log where told is not null), '{}')
    from network.security_group r where true`,
  router: sql`
    select 'router', r.id, jsonb_build_object(
      'projectId', r.project_id, 'adminUp', r.admin_state_up, 'ha', r.ha, 'zones', to_jsonb(r.availability_zone_hints), 'hosts', to_jsonb(r.gateway_hosts),
      'interfaces', ${list(sql`select jsonb_agg(jsonb_build_object('portId', p.id, 'networkId', p.network_id, 'mac', p.mac_address, 'addresses', ${withPrefix}) order by p.created_at, p.id)
        from network.port p where p.router_id = r.id and p.device_owner = 'network:router_interface'`)},
      'gateway', (select ${wayOut} || jsonb_build_object('snat', r.enable_snat, 'qos', ${gatewayQos}) from network.port p where p.router_id = r.id and p.device_owner = 'network:router_gateway' and p.gateway_place = 0),
      'routes', ${routes(sql`r.routes`)})
      || coalesce((select jsonb_build_object('otherGateways', jsonb_agg(${wayOut} order by p.gateway_place)) from network.port p where p.router_id = r.id and p.gateway_place > 0 having count(*) > 0), '{}')
      || case when r.enable_default_route_ecmp then '{"ecmp": true}'::jsonb else '{}' end || case when r.enable_default_route_bfd then '{"bfd": true}'::jsonb else '{}' end
      || coalesce((select jsonb_build_object('proxied', told) from (select ${proxiesOfRouter} as told) proxied where told is not null), '{}')
      || coalesce((select jsonb_build_object('metered', told) from (select ${rulesOfRouter} as told) metered where told is not null), '{}')
    from network.router r where true`,
  port: sql`
    select 'port', r.id, jsonb_build_object(
      'projectId', r.project_id, 'networkId', r.network_id, 'adminUp', r.admin_state_up, 'mac', r.mac_address,
      'addresses', ${list(sql`select jsonb_agg(jsonb_build_object('subnetId', a.subnet_id, 'address', host(a.address)) order by family(a.address), a.address) from network.allocation a where a.port_id = r.id`)},
      'portSecurity', r.port_security_enabled,
      'qos', ${qosOf(sql`coalesce(r.qos_policy_id, ${networkPolicy})`)},
      'allowedAddressPairs', ${list(sql`select jsonb_agg(jsonb_build_object('mac', h ->> 'mac_address', 'address', h ->> 'ip_address') order by place)
        from jsonb_array_elements(r.allowed_address_pairs) with ordinality as pair (h, place)`)},
      'securityGroups', ${list(sql`select jsonb_agg(g.security_group_id order by g.security_group_id) from network.port_security_group g where g.port_id = r.id and r.port_security_enabled`)},
      'dhcpOptions', ${list(sql`select jsonb_agg(jsonb_build_object('version', h -> 'ip_version', 'name', h ->> 'name', 'value', h ->> 'opt_value') order by place) from jsonb_array_elements(r.extra_dhcp_opts) with ordinality as option (h, place) where (h ->> 'ip_version')::int = 6 or h ->> 'opt_value' !~ '^[{]?[0-9a-fA-F]*:[0-9a-fA-F:]'`)},
      'dnsNames', case when r.dns_name = '' or r.device_id = '' then '[]'::jsonb else ${dnsNames} end,
      'trunk', (select jsonb_build_object('parentId', t.port_id, 'tag', s.segmentation_id) from network.subport s join network.trunk t on t.id = s.trunk_id where s.port_id = r.id),
      'hostId', nullif(r.host_id, '')) || case r.other_bindings when '[]' then '{}' else jsonb_build_object('otherHosts', (select jsonb_agg(b ->> 'host') from jsonb_array_elements(r.other_bindings) b)) end
      || coalesce(${localIpsOfPort}, '{}') || coalesce(${takenOfPort}, '{}')
    from network.port r where not r.internal and r.router_id is null and r.device_owner <> 'network:distributed'`,
  'floating-ip': sql`
    select 'floating-ip', r.id, jsonb_build_object(
      'projectId', r.project_id, 'routerId', r.router_id, 'externalAddress', host(r.floating_ip_address), 'internalAddress', host(r.fixed_ip_address), 'portId', r.port_id,
      'qos', (select bounds || jsonb_build_object('networkId', r.floating_network_id,
          'gatewayPortId', (select g.id from network.port g where g.router_id = r.router_id and g.network_id = r.floating_network_id and g.device_owner = 'network:router_gateway' order by g.gateway_place limit 1))
        from (select ${floatingIpQos} as bounds) bounded where bounds is not null))
    from network.floating_ip r where r.port_id is not null or (r.router_id is not null and ${floatingIpQos} is not null)`,
  'port-forwarding': sql`
    select 'port-forwarding', r.id, jsonb_build_object(
      'projectId', r.project_id, 'routerId', f.router_id, 'protocol', r.protocol, 'externalAddress', host(f.floating_ip_address), 'internalAddress', host(r.internal_ip_address),
      'externalPorts', jsonb_build_object('first', lower(r.external_ports), 'last', upper(r.external_ports) - 1), 'internalPorts', jsonb_build_object('first', lower(r.internal_ports), 'last', upper(r.internal_ports) - 1),
      'networkIds', ${list(sql`select jsonb_agg(distinct p.network_id) from network.port p where p.router_id = f.router_id and p.device_owner = 'network:router_interface'`)})
    from network.port_forwarding r join network.floating_ip f on f.id = r.floating_ip_id where f.router_id is not null`,
};
