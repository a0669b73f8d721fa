/** Into which cells of processors and memory a guest falls: nova/virt/hardware.py, numa_get_constraints */
import { badRequest } from '../../../kit/fault.ts';

type Specs = Readonly<Record<string, string>>;
export type GuestCell = { vcpus: number[]; memoryMiB: number };
/** `own`: each of its processors is one of the host's, and nobody else's. */
export type CellWish = { cells: GuestCell[]; own: boolean };

/** What the flavor leaves open the image may say: nova/virt/hardware.py, get_cpu_policy_constraint */
export function cpuPolicyOf(extraSpecs: Specs, image: Specs): string | undefined {
  return extraSpecs['hw:cpu_policy'] ?? image['hw_cpu_policy'];
}

/** Undefined: it does not matter. Throws a Fault for what cannot be. */
export function cellsOf({ vcpus, memoryMiB, extraSpecs }: { vcpus: number; memoryMiB: number; extraSpecs: Specs }, image: Specs = {}): CellWish | undefined {
  const own = cpuPolicyOf(extraSpecs, image) === 'dedicated';
  const said = Number(extraSpecs['hw:numa_nodes'] ?? image['hw_numa_nodes'] ?? 0);
  const isSaid = Number.isInteger(said) && said > 0;
  if (!own && !isSaid) return undefined;
  const count = isSaid ? said : 1;
  if (count > vcpus) throw uneven();
  const numbers = Array.from({ length: count }, (_, cell) => cell);
  const parts = numbers.map((cell) => [extraSpecs[`hw:numa_cpus.${cell}`], extraSpecs[`hw:numa_mem.${cell}`]] as const);
  if (parts.some((part) => part.some((text) => text !== undefined))) return { own, cells: explicit(parts, { vcpus, memoryMiB }) };
  if (vcpus % count !== 0 || memoryMiB % count !== 0) throw uneven();
  const each = vcpus / count;
  return { own, cells: numbers.map((cell) => ({ vcpus: Array.from({ length: each }, (_, index) => cell * each + index), memoryMiB: memoryMiB / count })) };
}

function uneven() {
  return badRequest('Instance CPUs and/or memory cannot be evenly distributed across instance NUMA nodes. Explicit assignment of CPUs and memory to nodes is required');
}

function explicit(parts: readonly (readonly [cpus: string | undefined, memory: string | undefined])[], { vcpus, memoryMiB }: { vcpus: number; memoryMiB: number }): GuestCell[] {
  const cells = parts.map(([cpus, memory]) => {
    if (cpus === undefined || memory === undefined) throw badRequest('CPU and memory allocation must be provided for all NUMA nodes');
    return { vcpus: readProcessors(cpus, vcpus), memoryMiB: Number(memory) };
  });
  const all = cells.flatMap((cell) => cell.vcpus);
  const beyond = all.find((vcpu) => vcpu >= vcpus);
  if (beyond !== undefined) throw badRequest(`CPU number ${beyond} is larger than max ${vcpus - 1}`);
  const twice = all.find((vcpu, index) => all.indexOf(vcpu) !== index);
  if (twice !== undefined) throw badRequest(`CPU number ${twice} is assigned to two nodes`);
  const left = Array.from({ length: vcpus }, (_, vcpu) => vcpu).filter((vcpu) => !all.includes(vcpu));
  if (left.length > 0) throw badRequest(`CPU number ${left.join(', ')} is not assigned to any node`);
  const memory = cells.reduce((sum, cell) => sum + cell.memoryMiB, 0);
  if (memory !== memoryMiB) throw badRequest(`${memory} MB of memory assigned, but expected ${memoryMiB} MB`);
  return cells;
}

/** `0-3,^2,7`; of those beyond the limit it is enough to know that there are some. */
function readProcessors(text: string, limit: number): number[] {
  const found = new Set<number>();
  const never = new Set<number>();
  for (const part of text.split(',').map((each) => each.trim())) {
    const [first = 0, last = first] = part.replace('^', '').split('-').map(Number);
    for (let each = first; each <= Math.min(last, Math.max(first, limit)); each++) (part.startsWith('^') ? never : found).add(each);
  }
  return [...found].filter((each) => !never.has(each)).toSorted((one, other) => one - other);
}
