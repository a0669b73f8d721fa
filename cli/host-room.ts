/** What `intercloud host list` shows: those that joined, and the first machine's, with what they have and how they are. */
import type { Static } from 'typebox';
import type { Client } from '../contract/client.ts';
import type { compute } from '../contract/compute/service.ts';
import type { Host } from '../contract/intercloud/region/hosts.ts';

type Used = { used: number; total: number };
export type HostWithRoom = Omit<Static<typeof Host>, 'status' | 'created_at'> & {
  status: 'invited' | 'joined' | 'first machine';
  /** `drained`: it is up and takes no new servers; `unknown`: it has never reported. */
  health: 'up' | 'drained' | 'down' | 'unknown';
  capacity: { vcpus: Used; memory_mib: Used; disk_gib: Used } | null;
};

/** `version`: 2.87 at most, after which hosts do not tell what they have. */
export async function roomOfHosts(client: Client<typeof compute>, joined: readonly Static<typeof Host>[]): Promise<HostWithRoom[]> {
  const { hypervisors } = (await client.hypervisors.detail()).body;
  const known = new Map(hypervisors.map((each) => [each.hypervisor_hostname, each]));
  const about = (name: string): Pick<HostWithRoom, 'health' | 'capacity'> => {
    const found = known.get(name);
    if (!found) return { health: 'unknown', capacity: null };
    const { vcpus, vcpus_used: vcpusUsed, memory_mb: memory, memory_mb_used: memoryUsed, local_gb: disk, local_gb_used: diskUsed } = found;
    return {
      health: found.state === 'down' ? 'down' : found.status === 'disabled' ? 'drained' : 'up',
      capacity: { vcpus: { used: vcpusUsed, total: vcpus }, memory_mib: { used: memoryUsed, total: memory }, disk_gib: { used: diskUsed, total: disk } },
    };
  };
  const names = new Set(joined.map(({ name }) => name));
  const own = hypervisors.filter(({ hypervisor_hostname: name }) => !names.has(name));
  return [
    ...own.map(({ id, hypervisor_hostname: name, running_vms: servers }) => ({ id: String(id), name, status: 'first machine' as const, key_sha256: null, seen_at: null, servers, ...about(name) })),
    ...joined.map(({ id, name, status, key_sha256, seen_at, servers }) => ({ id, name, status, key_sha256, seen_at, servers, ...about(name) })),
  ];
}
