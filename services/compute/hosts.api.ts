import { hosts as contract } from '../../contract/compute/hosts.ts';
import { Fault, notFound } from '../../kit/fault.ts';
import { implement } from '../../kit/http/implement.ts';
import type { Transaction } from '../../kit/postgres/database.ts';
import { inventoryOf, listHosts, type Host } from '../placement/hosts.ts';
import { selectHostedByProject } from './hosted-servers.store.ts';
import { listWorkers, workersHost, workersZone } from './workers.ts';

export const hosts = implement(contract, {
  async list({ tx, query, now }) {
    const taking = (await listHosts(tx)).filter(({ enabled }) => enabled).map(({ hostname, availabilityZone }) => ({ host_name: hostname, service: 'compute', zone: availabilityZone }));
    const working = (await listWorkers(tx, now)).map(({ binary }) => ({ host_name: workersHost, service: binary.replace('nova-', ''), zone: workersZone }));
    return { hosts: [...taking, ...working].filter(({ zone }) => !query.zone || zone === query.zone) };
  },
  async show({ tx, params }) {
    const host = await named(tx, params.host_name);
    const { report } = host;
    const byProject = await selectHostedByProject(tx, host.id);
    const sum = (of: (each: (typeof byProject)[number]) => number) => byProject.reduce((total, each) => total + of(each), 0);
    const used = (resourceClass: string) => inventoryOf(host, resourceClass).used;
    const row = (project: string, cpu: number, memory: number, disk: number) => ({ resource: { host: host.hostname, project, cpu, memory_mb: memory, disk_gb: disk } });
    return {
      host: [
        row('(total)', report.vcpus, report.memoryMiB, report.diskGiB),
        row('(used_now)', used('VCPU'), used('MEMORY_MB') + inventoryOf(host, 'MEMORY_MB').reserved, used('DISK_GB')),
        row('(used_max)', sum(({ vcpus }) => vcpus), sum(({ memoryMiB }) => memoryMiB), sum(({ diskGiB }) => diskGiB)),
        ...byProject.map(({ projectId, vcpus, memoryMiB, diskGiB }) => row(projectId, vcpus, memoryMiB, diskGiB)),
      ],
    };
  },
  update: async ({ tx, params }) => cannot(await named(tx, params.host_name)),
  reboot: async ({ tx, params }) => cannot(await named(tx, params.host_name)),
  shutdown: async ({ tx, params }) => cannot(await named(tx, params.host_name)),
  startup: async ({ tx, params }) => cannot(await named(tx, params.host_name)),
});

async function named(tx: Transaction, hostname: string): Promise<Host> {
  const host = (await listHosts(tx)).find((each) => each.hostname === hostname);
  if (!host) throw notFound(`Compute host ${hostname} could not be found.`);
  return host;
}

/** As libvirt's driver of Nova does: nova/api/openstack/common.py, raise_feature_not_supported */
function cannot(_host: Host): never {
  throw new Fault(501, 'notImplemented', 'The requested functionality is not supported.');
}
