/** Hosts, as Nova's services and hypervisors. */
import { availabilityZones as zonesContract, hypervisors as hypervisorsContract, services as servicesContract } from '../../contract/compute/region.ts';
import { badRequest, conflict, Fault, notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { changeHost, inventoryOf, isAlive, listHosts, removeHost, type Host, type HostChanges } from '../placement/hosts.ts';
import { countHosted, selectHosted, type HostedServer } from './hosted-servers.store.ts';
import { cut, nextLinks } from './lists.ts';
import { countByHost, type HostCount } from './servers.store.ts';
import { deleteWorkersService } from './services.store.ts';
import { asPreciseTime, truth } from './words.ts';
import { listWorkers, workersHost, workersZone } from './workers.ts';

const binary: string = 'nova-compute';

export const hypervisors = implement(hypervisorsContract, {
  async list(request) {
    const { tx, now } = request;
    const { page, next } = chosen(await listHosts(tx), request.query);
    const servers = await serversOn(tx, page, request.query.with_servers);
    const links = nextLinks(next && request.page({ marker: next }));
    return { hypervisors: page.map((host) => ({ ...briefly(host, now), ...servers(host) })), ...(links ? { hypervisors_links: links } : {}) };
  },
  async detail(request) {
    const { tx, now } = request;
    const { page, next } = chosen(await listHosts(tx), request.query);
    const [counts, servers] = await Promise.all([countsOf(tx), serversOn(tx, page, request.query.with_servers)]);
    const links = nextLinks(next && request.page({ marker: next }));
    return { hypervisors: page.map((host) => ({ ...fully(host, counts, now), ...servers(host) })), ...(links ? { hypervisors_links: links } : {}) };
  },
  async statistics({ tx, now }) {
    const counts = await countsOf(tx);
    // nova/db/main/api.py, compute_node_statistics: what is disabled does not count.
    const all = (await listHosts(tx)).filter(({ enabled }) => enabled).map((host) => fully(host, counts, now));
    const sum = (of: (each: ReturnType<typeof fully>) => number) => all.reduce((total, each) => total + of(each), 0);
    return {
      hypervisor_statistics: {
        count: all.length,
        current_workload: sum((each) => each.current_workload),
        disk_available_least: sum((each) => each.disk_available_least),
        free_disk_gb: sum((each) => each.free_disk_gb),
        free_ram_mb: sum((each) => each.free_ram_mb),
        local_gb: sum((each) => each.local_gb),
        local_gb_used: sum((each) => each.local_gb_used),
        memory_mb: sum((each) => each.memory_mb),
        memory_mb_used: sum((each) => each.memory_mb_used),
        running_vms: sum((each) => each.running_vms),
        vcpus: sum((each) => each.vcpus),
        vcpus_used: sum((each) => each.vcpus_used),
      },
    };
  },
  async show({ tx, params, query, now }) {
    const host = known(await listHosts(tx), params.hypervisor_id);
    const [counts, servers] = await Promise.all([countsOf(tx), serversOn(tx, [host], query.with_servers)]);
    return { hypervisor: { ...fully(host, counts, now), ...servers(host) } };
  },
  async uptime({ tx, params, now }) {
    const host = known(await listHosts(tx), params.hypervisor_id);
    if (!isAlive(host, now)) throw badRequest(`Compute service of ${host.hostname} is unavailable at this time.`);
    const uptime = uptimeOf(host, now);
    if (uptime === null) throw new Fault(501, 'notImplemented', 'The requested functionality is not supported.');
    return { hypervisor: { ...briefly(host, now), uptime } };
  },
  async search({ tx, params, now }) {
    return { hypervisors: matching(await listHosts(tx), params.hypervisor_id).map((host) => briefly(host, now)) };
  },
  async servers({ tx, params, now }) {
    const hosts = matching(await listHosts(tx), params.hypervisor_id);
    const servers = await serversOn(tx, hosts, 'true');
    return {
      hypervisors: hosts.map((host) => {
        const { servers: list } = servers(host);
        return { ...briefly(host, now), ...(list?.length ? { servers: list } : {}) };
      }),
    };
  },
});

type Choice = { limit?: number; marker?: string; hypervisor_hostname_pattern?: string };

/** The page that was asked for; below zero, all of them. */
function chosen(hosts: Host[], { limit, marker, hypervisor_hostname_pattern: pattern }: Choice): { page: Host[]; next: string | undefined } {
  if (pattern !== undefined) {
    if (limit !== undefined || marker !== undefined) throw badRequest('Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported.');
    return { page: matching(hosts, pattern), next: undefined };
  }
  if (limit === -1) return { page: hosts, next: undefined };
  // The id, or the number by which it was known before.
  const known = hosts.find(({ id, number }) => id === marker || String(number) === marker);
  const { page, next } = cut(hosts, { limit, marker: known?.id ?? marker });
  return { page, next: next !== undefined && known && String(known.number) === marker ? String(page.at(-1)?.number) : next };
}

function matching(hosts: readonly Host[], pattern: string): Host[] {
  const found = hosts.filter(({ hostname }) => hostname.includes(pattern));
  if (found.length === 0) throw notFound(`No hypervisor matching '${pattern}' could be found.`);
  return found;
}

function known(hosts: readonly Host[], id: string): Host {
  const host = hosts.find((each) => each.id === id || String(each.number) === id);
  if (!host) throw notFound(`Hypervisor with ID '${id}' could not be found.`);
  return host;
}

/** What each host shows of its servers, when that was asked for. */
async function serversOn(tx: Transaction, hosts: readonly Host[], asked: string | undefined): Promise<(host: Host) => { servers?: { name: string; uuid: string }[] }> {
  if (asked === undefined || !truth(asked)) return () => ({});
  const byHost = Map.groupBy<string, HostedServer>(await selectHosted(tx, hosts.map(({ id }) => id)), ({ hostId }) => hostId);
  return ({ id }) => ({ servers: (byHost.get(id) ?? []).map(({ id: uuid, name }) => ({ name, uuid })) });
}

async function countsOf(tx: Transaction): Promise<Map<string, HostCount>> {
  return new Map((await countByHost(tx)).map((count) => [count.hostId, count]));
}

function briefly(host: Host, now: Date) {
  return { id: host.id, number: host.number, hypervisor_hostname: host.hostname, state: isAlive(host, now) ? ('up' as const) : ('down' as const), status: host.enabled ? ('enabled' as const) : ('disabled' as const) };
}

function fully(host: Host, counts: ReadonlyMap<string, HostCount>, now: Date) {
  const { report } = host;
  const [vcpus, memory, disk] = [inventoryOf(host, 'VCPU'), inventoryOf(host, 'MEMORY_MB'), inventoryOf(host, 'DISK_GB')];
  const memoryUsed = memory.used + memory.reserved;
  return {
    ...briefly(host, now),
    hypervisor_type: report.hypervisorType,
    hypervisor_version: report.hypervisorVersion,
    host_ip: report.address,
    service: { id: host.id, number: host.number, host: host.hostname, disabled_reason: host.disabledReason },
    vcpus: report.vcpus,
    memory_mb: report.memoryMiB,
    local_gb: report.diskGiB,
    vcpus_used: vcpus.used,
    memory_mb_used: memoryUsed,
    local_gb_used: disk.used,
    free_ram_mb: report.memoryMiB - memoryUsed,
    free_disk_gb: report.diskGiB - disk.used,
    current_workload: counts.get(host.id)?.busy ?? 0,
    running_vms: counts.get(host.id)?.running ?? 0,
    disk_available_least: report.freeDiskGiB,
    cpu_info: { arch: report.architecture, model: report.cpuModel, topology: { cores: report.vcpus, threads: 1, sockets: 1 } },
    uptime: isAlive(host, now) ? uptimeOf(host, now) : null,
  };
}

/** As `uptime` prints it, without what changes with every look. */
function uptimeOf({ report }: Host, now: Date): string | null {
  if (report.startedAt === undefined) return null;
  const minutes = Math.max(0, Math.floor((now.getTime() - Date.parse(report.startedAt)) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24];
  return ` ${now.toISOString().slice(11, 19)} up ${days > 0 ? `${days} day${days === 1 ? '' : 's'}, ` : ''}${String(hours).padStart(2)}:${String(minutes % 60).padStart(2, '0')}`;
}

export const services = implement(servicesContract, {
  async list({ tx, query, now }) {
    // Hosts first: what looks for one takes the first that there is.
    const all = [...(await listHosts(tx)).map((host) => asService(host, now)), ...(await workers(tx, now))];
    return { services: all.filter((each) => (!query.host || each.host === query.host) && (!query.binary || each.binary === query.binary)) };
  },
  async enable(request) {
    const host = await change(request, request.body, { enabled: true, disabledReason: null });
    return { service: { host: host.hostname, binary, status: 'enabled' } };
  },
  async disable(request) {
    const host = await change(request, request.body, { enabled: false, disabledReason: null });
    return { service: { host: host.hostname, binary, status: 'disabled' } };
  },
  async disableWithReason(request) {
    const { disabled_reason: reason } = request.body;
    const host = await change(request, request.body, { enabled: false, disabledReason: reason });
    return { service: { host: host.hostname, binary, status: 'disabled', disabled_reason: reason } };
  },
  async forceDown(request) {
    const host = await change(request, request.body, { forcedDown: truth(request.body.forced_down) });
    return { service: { host: host.hostname, binary, forced_down: host.forcedDown } };
  },
  async update(request) {
    const { status, disabled_reason: reason, forced_down: down } = request.body;
    if (!isUuid(request.params.service_id)) throw badRequest(`Invalid uuid ${request.params.service_id}`);
    const host = (await listHosts(request.tx)).find(({ id }) => id === request.params.service_id);
    const worker = (await listWorkers(request.tx, request.now)).find(({ id }) => id === request.params.service_id);
    if (worker) throw notHosts(worker.binary);
    if (!host) throw notFound(`Service ${request.params.service_id} could not be found.`);
    if (status === undefined && down === undefined) throw badRequest("No updates were requested. Fields 'status' or 'forced_down' should be specified.");
    if (status === 'enabled' && reason !== undefined) throw badRequest("Specifying 'disabled_reason' with status 'enabled' is invalid.");
    const changed = await changeHost(request, host, {
      ...(status === undefined ? {} : { enabled: status === 'enabled', disabledReason: reason ?? null }),
      ...(down === undefined ? {} : { forcedDown: truth(down) }),
    });
    return { service: asService(changed, request.now) };
  },
  async delete(request) {
    const { tx, params } = request;
    const isNamed = ({ id, number }: { id: string; number: number }) => id === params.service_id || String(number) === params.service_id;
    const worker = (await listWorkers(tx, request.now)).find(isNamed);
    // It comes back when it next says that it works.
    if (worker) return deleteWorkersService(tx, worker.id);
    const host = (await listHosts(tx)).find(isNamed);
    if (!host) throw /^\d+$/.test(params.service_id) || isUuid(params.service_id) ? notFound(`Service ${params.service_id} not found.`) : badRequest(`Invalid uuid ${params.service_id}`);
    if ((await countHosted(tx, [host.id])) > 0 || host.inventories.some(({ used }) => used > 0))
      throw conflict('Unable to delete compute service that is hosting instances. Migrate or delete the instances first.');
    await removeHost(request, host);
  },
});

async function change(context: Context, { host: hostname, binary: named }: { host: string; binary: string }, changes: Partial<HostChanges>): Promise<Host> {
  if (named !== binary) throw notHosts(named);
  const host = (await listHosts(context.tx)).find((each) => each.hostname === hostname);
  if (!host) throw notFound(`Host '${hostname}' is not mapped to any cell`);
  return changeHost(context, host, changes);
}

function notHosts(named: string): Fault {
  return badRequest(`Updating a ${named} service is not supported. Only nova-compute services can be updated.`);
}

function asService(host: Host, now: Date) {
  return {
    id: host.id,
    number: host.number,
    binary,
    host: host.hostname,
    zone: host.availabilityZone,
    status: host.enabled ? 'enabled' : 'disabled',
    state: isAlive(host, now) ? 'up' : 'down',
    updated_at: asPreciseTime(host.seenAt),
    disabled_reason: host.disabledReason,
    forced_down: host.forcedDown,
  };
}

async function workers(tx: Transaction, now: Date): Promise<ReturnType<typeof asService>[]> {
  return (await listWorkers(tx, now)).map(({ id, number, binary: named, up, seenAt }) => ({
    id, number, binary: named, host: workersHost, zone: workersZone, status: 'enabled', state: up ? 'up' : 'down', updated_at: asPreciseTime(seenAt), disabled_reason: null, forced_down: false,
  }));
}

function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(text);
}

export const availabilityZones = implement(zonesContract, {
  async list({ tx }) {
    return { availabilityZoneInfo: zonesOf(await listHosts(tx)).map(({ zone, available }) => ({ zoneName: zone, zoneState: { available }, hosts: null })) };
  },
  async detail({ tx, now }) {
    const internal = await listWorkers(tx, now);
    const onWorkers = Object.fromEntries(internal.map(({ binary: named, up, seenAt }) => [named, { available: up, active: true, updated_at: asPreciseTime(seenAt) }]));
    return {
      availabilityZoneInfo: [
        ...(internal.length > 0 ? [{ zoneName: workersZone, zoneState: { available: true }, hosts: { [workersHost]: onWorkers } }] : []),
        ...zonesOf(await listHosts(tx)).map(({ zone, available, hosts }) => ({
          zoneName: zone,
          zoneState: { available },
          hosts: available ? Object.fromEntries(hosts.map((host) => [host.hostname, { [binary]: { available: isAlive(host, now), active: host.enabled, updated_at: asPreciseTime(host.seenAt) } }])) : null,
        })),
      ],
    };
  },
});

/** A zone is available when one of its hosts is enabled. */
function zonesOf(hosts: readonly Host[]) {
  const byZone = Map.groupBy(hosts, ({ availabilityZone }) => availabilityZone);
  return [...byZone].map(([zone, list]) => ({ zone, available: list.some(({ enabled }) => enabled), hosts: list.filter(({ enabled }) => enabled) }));
}
