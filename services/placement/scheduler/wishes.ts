/** What is asked of a host, read from what flavors, images and hints say: data, so that it can be kept with the decision. */
import type { Amount } from '../claims.store.ts';
import type { Needs } from '../claims.ts';
import { traitsOfMachine } from '../machines.ts';
import { cpuPolicyOf } from './guest-cells.ts';

export type GroupWish = { policy: 'affinity' | 'anti-affinity' | 'soft-affinity' | 'soft-anti-affinity'; mostPerHost: number; /** How many of the group each host has. */ members: Readonly<Record<string, number>> };

/** Hosts are named by their ids. */
export type Asked = {
  /** Could not, although they seemed to have room. */
  tried: readonly string[];
  /** Have it, and not so much of it in as many of their cells. */
  crowded?: readonly string[];
  different: readonly string[];
  /** One of these; null: any. */
  same: readonly string[] | null;
  /** In the network of this host. */
  near: { address: string; prefix: number } | null;
  availabilityZone: string | null;
  hostname: string | null;
  group: GroupWish | null;
};

export type Wish = Asked & {
  projectId: string;
  amounts: readonly Amount[];
  required: readonly string[];
  forbidden: readonly string[];
  groupSpecs: readonly (readonly [string, string])[];
  capabilities: readonly (readonly [string, string])[];
  image: Readonly<Record<string, string>>;
  numaCells: number | null;
  /** What only hosts can have that tell of their processors one by one: said as the flavor says it. */
  ownProcessors: string | null;
};

type Specs = Readonly<Record<string, string>>;

const groupScope = 'aggregate_instance_extra_specs:';
const capabilityScope = 'capabilities:';
/** What hosts say of themselves: without a scope only these are meant for them. */
const capabilities = ['hypervisor_type', 'hypervisor_version', 'vcpus_total', 'total_usable_ram_mb', 'total_usable_disk_gb', 'free_ram_mb', 'free_disk_mb', 'vcpus_used', 'num_io_ops', 'num_instances'];

export function readWish(asked: Asked & { projectId: string; amounts: readonly Amount[]; extraSpecs: Specs; image: Specs }): Wish {
  const { extraSpecs, image, ...rest } = asked;
  const specs = Object.entries(extraSpecs);
  const cells = Number(extraSpecs['hw:numa_nodes'] ?? image['hw_numa_nodes']);
  const all = [...traitsIn(extraSpecs), ...traitsIn(image)];
  return {
    ...rest,
    required: [...new Set([...all.filter(([, how]) => how === 'required').map(([trait]) => trait), ...traitsOfMachine(extraSpecs, image)])],
    forbidden: [...new Set(all.filter(([, how]) => how === 'forbidden').map(([trait]) => trait))],
    groupSpecs: specs.filter(([name]) => name.startsWith(groupScope)).map(([name, value]) => [name.slice(groupScope.length), value]),
    // nova/scheduler/filters/compute_capabilities_filter.py
    capabilities: specs.filter(([name]) => name.startsWith(capabilityScope) || capabilities.includes(name)).map(([name, value]) => [name.replace(/^capabilities:/, ''), value]),
    image,
    numaCells: Number.isInteger(cells) && cells > 0 ? cells : null,
    ownProcessors: ownProcessorsOf(extraSpecs, image),
  };
}

/** What fewer hosts have comes first: whoever asks for two things is told of the one that is missing. */
function ownProcessorsOf(specs: Specs, image: Specs): string | null {
  const pages = image['hw_mem_page_size'] ?? specs['hw:mem_page_size'] ?? 'small';
  if (!['any', 'small'].includes(pages)) return `hw:mem_page_size=${pages}`;
  const rare = [['hw:emulator_threads_policy', 'isolate'], ['hw:cpu_thread_policy', 'require'], ['hw:cpu_policy', 'mixed'], ['hw:cpu_policy', 'dedicated']] as const;
  const asked: Partial<Specs> = { ...specs, 'hw:cpu_policy': cpuPolicyOf(specs, image), 'hw:cpu_thread_policy': specs['hw:cpu_thread_policy'] ?? image['hw_cpu_thread_policy'] };
  const found = rare.find(([name, value]) => asked[name] === value);
  return found ? found.join('=') : null;
}

function traitsIn(specs: Specs): [trait: string, how: string][] {
  return Object.entries(specs).flatMap(([name, value]) => (name.startsWith('trait:') ? [[name.slice('trait:'.length), value]] : []));
}

/** What is not needed is not claimed: a server on a volume has no disk on its host. */
export function amountsOf({ vcpus, memoryMiB, diskGiB, resources = {} }: Needs): Amount[] {
  return Object.entries({ DISK_GB: diskGiB, MEMORY_MB: memoryMiB, VCPU: vcpus, ...resources })
    .map(([resourceClass, amount]) => ({ resourceClass, amount }))
    .filter(({ amount }) => amount > 0)
    .toSorted((one, other) => (one.resourceClass < other.resourceClass ? -1 : 1));
}

/** What a flavor claims besides, or instead of, what it shows: `resources:VCPU=0`, devices, processors of its own. nova/scheduler/utils.py, ResourceRequest */
export function resourcesOf({ vcpus, extraSpecs }: { vcpus: number; extraSpecs: Specs }, image: Specs): Record<string, number> {
  const resources: Record<string, number> = cpuPolicyOf(extraSpecs, image) === 'dedicated' ? { VCPU: 0, PCPU: vcpus } : {};
  for (const part of (extraSpecs['pci_passthrough:alias'] ?? '').split(',').filter(Boolean)) {
    const [alias = '', count = '1'] = part.trim().split(':');
    const name = classOfDevice(alias);
    resources[name] = (resources[name] ?? 0) + Number(count);
  }
  for (const [name, value] of Object.entries(extraSpecs)) {
    const [, resourceClass] = /^resources:([A-Z0-9_]+)$/.exec(name) ?? [];
    if (resourceClass !== undefined && /^\d+$/.test(value)) resources[resourceClass] = Number(value);
  }
  return resources;
}

/** Devices that can be handed to a guest are claimed like all else. */
export function classOfDevice(alias: string): string {
  return `CUSTOM_PCI_${alias.toUpperCase().replaceAll(/[^A-Z0-9_]/g, '_')}`;
}
