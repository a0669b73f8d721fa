/** How long a scheduler takes to decide among so many hosts, all of which are judged: with groups of hosts, traits and an anti-affinity group that has servers already. */
import { Board } from '../services/placement/scheduler/board.ts';
import { decide } from '../services/placement/scheduler/deciding.ts';
import { readWish } from '../services/placement/scheduler/wishes.ts';

export type Placements = {
  hosts: number;
  medianMs: number;
  p99Ms: number;
  /** Of those in which nothing else was given the processor. */
  undisturbedP99Ms: number;
  undisturbed: number;
};

const times = 500;

export function measurePlacements(hosts: number): Placements {
  const board = boardOf(hosts);
  const wish = readWish({
    projectId: 'project',
    tried: [],
    different: [],
    same: null,
    near: null,
    availabilityZone: null,
    hostname: null,
    group: { policy: 'anti-affinity', mostPerHost: 1, members: Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`host-${index * 13}`, 1])) },
    amounts: [{ resourceClass: 'DISK_GB', amount: 20 }, { resourceClass: 'MEMORY_MB', amount: 2048 }, { resourceClass: 'VCPU', amount: 2 }],
    extraSpecs: { 'trait:HW_CPU_X86_SSE': 'forbidden', 'aggregate_instance_extra_specs:disk': '<or> hdd <or> ssd' },
    image: { hw_architecture: 'x86_64' },
  });
  const decideOnce = (seed: string) => {
    if (decide(board, wish, { aliveAfter: 0, seed }).left[0]?.hosts !== hosts) throw new Error('not every host was judged');
  };
  // What is compiled while it runs must not count.
  for (let time = 0; time < times / 5; time++) decideOnce(`warm-${time}`);
  const took = Array.from({ length: times }, (_, time) => {
    const [before, begun] = [process.resourceUsage().involuntaryContextSwitches, performance.now()];
    decideOnce(`server-${time}`);
    return { ms: performance.now() - begun, isUndisturbed: process.resourceUsage().involuntaryContextSwitches === before };
  });
  const undisturbed = took.filter(({ isUndisturbed }) => isUndisturbed);
  return { hosts, medianMs: at(0.5, took), p99Ms: at(0.99, took), undisturbedP99Ms: at(0.99, undisturbed), undisturbed: undisturbed.length };
}

function at(share: number, took: readonly { ms: number }[]): number {
  return took.map(({ ms }) => ms).toSorted((one, other) => one - other)[Math.floor(took.length * share)] ?? Number.NaN;
}

function boardOf(hosts: number): Board {
  const board = new Board();
  const inventory = (resourceClass: string, total: number, index: number) => ({ resourceClass, total, reserved: 0, allocationRatio: 1, used: (index * 7919) % 100, minUnit: 1, maxUnit: total, stepSize: 1 });
  for (let index = 0; index < hosts; index++)
    board.put({
      id: `host-${index}`,
      hostname: `host-${index}`,
      generation: 1,
      takesServers: true,
      availabilityZone: `zone-${index % 3}`,
      seenAt: 1,
      failedBuilds: 0,
      report: { id: '', hostname: '', hypervisorType: 'simulated', hypervisorVersion: 1, address: '10.0.0.1', cpuModel: 'simulated', architecture: 'x86_64', vcpus: 64, memoryMiB: 262_144, diskGiB: 4_096, freeDiskGiB: 4_096 },
      inventories: [inventory('VCPU', 256, index), inventory('MEMORY_MB', 262_144, index), inventory('DISK_GB', 4_096, index)],
      traits: index % 2 === 0 ? ['HW_CPU_X86_AVX'] : [],
      groups: [index % 10 === 0 ? 'ssd' : 'hdd'],
    });
  board.aggregates = new Map([['ssd', { disk: 'ssd' }], ['hdd', { disk: 'hdd' }]]);
  return board;
}
