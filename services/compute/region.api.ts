/** Hosts, as Nova's services and hypervisors. */
import { availabilityZones as zonesContract, hypervisors as hypervisorsContract, services as servicesContract } from '../../contract/compute/region.ts';
import { notFound } from '../../kit/fault.ts';
import { implement, type Context } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { inventoryOf, isAlive, listHosts, setHostEnabled, type Host } from '../placement/hosts.ts';
import { countByHost, type HostCount } from './servers.store.ts';
import { asPreciseTime } from './words.ts';

const binary = 'nova-compute';

export const hypervisors = implement(hypervisorsContract, {
  async list({ tx, now }) {
    return { hypervisors: (await listHosts(tx)).map((host) => briefly(host, now)) };
  },
  async detail({ tx, now }) {
    const counts = await countsOf(tx);
    return { hypervisors: (await listHosts(tx)).map((host) => fully(host, counts, now)) };
  },
  async statistics({ tx, now }) {
    const counts = await countsOf(tx);
    const all = (await listHosts(tx)).map((host) => fully(host, counts, now));
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
  async show({ tx, params, now }) {
    const host = (await listHosts(tx)).find(({ number }) => String(number) === params.hypervisor_id);
    if (!host) throw notFound(`Hypervisor with ID '${params.hypervisor_id}' could not be found.`);
    return { hypervisor: fully(host, await countsOf(tx), now) };
  },
});

async function countsOf(tx: Transaction): Promise<Map<string, HostCount>> {
  return new Map((await countByHost(tx)).map((count) => [count.hostId, count]));
}

function briefly(host: Host, now: Date) {
  return { id: host.number, hypervisor_hostname: host.hostname, state: isAlive(host, now) ? ('up' as const) : ('down' as const), status: host.enabled ? ('enabled' as const) : ('disabled' as const) };
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
    service: { id: host.number, host: host.hostname, disabled_reason: host.disabledReason },
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
    cpu_info: JSON.stringify({ arch: report.architecture, model: report.cpuModel, topology: { cores: report.vcpus, threads: 1, sockets: 1 } }),
  };
}

export const services = implement(servicesContract, {
  async list({ tx, query, now }) {
    const hosts = (await listHosts(tx)).filter(({ hostname }) => (query.host === undefined || hostname === query.host) && (query.binary === undefined || query.binary === binary));
    return {
      services: hosts.map((host) => ({
        id: host.number,
        binary,
        host: host.hostname,
        zone: host.availabilityZone,
        status: host.enabled ? 'enabled' : 'disabled',
        state: isAlive(host, now) ? 'up' : 'down',
        updated_at: asPreciseTime(host.seenAt),
        disabled_reason: host.disabledReason,
      })),
    };
  },
  async enable(request) {
    return { service: await setStatus(request, request.body, true) };
  },
  async disable(request) {
    return { service: await setStatus(request, request.body, false) };
  },
});

async function setStatus(context: Context, { host, binary: named }: { host: string; binary: string }, enabled: boolean) {
  if (named !== binary || !(await setHostEnabled(context, host, enabled))) throw notFound(`Could not find binary ${named} on host ${host}.`);
  return { host, binary: named, status: enabled ? 'enabled' : 'disabled' };
}

export const availabilityZones = implement(zonesContract, {
  async list({ tx }) {
    return { availabilityZoneInfo: zonesOf(await listHosts(tx)).map(({ zone, available }) => ({ zoneName: zone, zoneState: { available }, hosts: null })) };
  },
  async detail({ tx, now }) {
    return {
      availabilityZoneInfo: zonesOf(await listHosts(tx)).map(({ zone, available, hosts }) => ({
        zoneName: zone,
        zoneState: { available },
        hosts: available ? Object.fromEntries(hosts.map((host) => [host.hostname, { [binary]: { available: isAlive(host, now), active: host.enabled, updated_at: asPreciseTime(host.seenAt) } }])) : null,
      })),
    };
  },
});

/** A zone is available when one of its hosts is enabled. */
function zonesOf(hosts: readonly Host[]) {
  const byZone = Map.groupBy(hosts, ({ availabilityZone }) => availabilityZone);
  return [...byZone].map(([zone, list]) => ({ zone, available: list.some(({ enabled }) => enabled), hosts: list.filter(({ enabled }) => enabled) }));
}
