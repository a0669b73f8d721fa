/** Which hosts will do, one question after another, by the names that operators know from Nova: nova/scheduler/filters/ */
import type { Board, Column, Kind } from './board.ts';
import { meets } from './requirements.ts';
import type { Wish } from './wishes.ts';

/** Keeps those of the first `count` in the list that will do, in their order; returns how many there are. */
type Keep = (list: Int32Array, count: number) => number;
/** `says`: what those have in common that are left. */
export type Filter = { name: string; says: string; keep: Keep };

/** Only what is asked: that a host takes servers at all is asked always. */
export function filtersFor(board: Board, wish: Wish, aliveAfter: number): Filter[] {
  const filters: Filter[] = [{ name: 'ComputeFilter', says: 'are in service', keep: (list, count) => alive(board, aliveAfter, list, count) }];
  const add = (name: string, says: string, keep: Keep) => void filters.push({ name, says, keep });
  const zone = wish.availabilityZone;
  if (zone !== null) add('AvailabilityZoneFilter', `are in ${zone}`, byTable(board.zone, board.zones.judge((name) => name === zone)));
  if (wish.hostname !== null) add('RequestedDestination', 'are the one that was asked for', among(board, board.ids.filter((_, index) => board.hostnames[index] === wish.hostname)));
  if (wish.same !== null) add('SameHostFilter', 'have the servers that it is to be with', among(board, wish.same));
  if (wish.different.length > 0) add('DifferentHostFilter', 'have none of the servers that it is to be apart from', except(board, wish.different));
  if (wish.near) add('SimpleCIDRAffinityFilter', `are near ${wish.near.address}/${wish.near.prefix}`, nearTo(board, wish.near));
  addAggregates(board, wish, add);
  if (wish.required.length + wish.forbidden.length > 0) add('Traits', 'have the traits', byTable(board.traits, board.traitSets.judge((own) => wish.required.every((trait) => own.includes(trait)) && !wish.forbidden.some((trait) => own.includes(trait)))));
  const fixed = wish.capabilities.filter(([name]) => !(name in changing));
  if (fixed.length > 0) add('ComputeCapabilitiesFilter', 'have the capabilities', byTable(board.kind, board.kinds.judge((kind) => fixed.every(([name, wanted]) => isCapable(kind, name, wanted)))));
  for (const [name, wanted] of wish.capabilities) if (changing[name]) add('ComputeCapabilitiesFilter', `have ${name} ${wanted}`, byNumber(changing[name](board), (value) => meets(String(value), wanted)));
  if (imageKeys.some((key) => key in wish.image)) add('ImagePropertiesFilter', 'run such images', byTable(board.kind, board.kinds.judge((kind) => runs(kind, wish.image))));
  if (wish.ownProcessors !== null || wish.numaCells !== null)
    add('NUMATopologyFilter', `can hold a guest to its processors (${wish.ownProcessors ?? `hw:numa_nodes=${wish.numaCells}`})`, byTable(board.kind, board.kinds.judge((kind) => fitsCells(kind, wish))));
  if (wish.crowded && wish.crowded.length > 0) add('NUMATopologyFilter', 'have that much free in as many of their cells', except(board, wish.crowded));
  addGroup(board, wish, add);
  if (wish.tried.length > 0) add('RetryFilter', 'were not tried yet', except(board, wish.tried));
  for (const { resourceClass, amount } of wish.amounts) {
    const column = board.column(resourceClass);
    add('Room', `have room for ${amount} of ${resourceClass}`, column ? roomIn(column, amount, board.units.judge(({ least, most, step }) => amount >= least && amount <= most && amount % step === 0)) : () => 0);
  }
  return filters;
}

/** What operators say of groups of hosts: nova/scheduler/filters/aggregate_*.py */
function addAggregates(board: Board, wish: Wish, add: (name: string, says: string, keep: Keep) => void): void {
  const said = [...board.aggregates.values()];
  const named = (ids: readonly string[]) => ids.map((id) => board.aggregates.get(id)).filter((metadata) => metadata !== undefined);
  const inGroups = (isRight: (metadata: Readonly<Record<string, string>>[]) => boolean) => byTable(board.groups, board.groupSets.judge((ids) => isRight(named(ids))));
  if (wish.groupSpecs.length > 0)
    add('AggregateInstanceExtraSpecsFilter', 'are in groups for such flavors', inGroups((all) => wish.groupSpecs.every(([name, wanted]) => valuesOf(all, name).some((value) => meets(value, wanted)))));
  const isolating = said.some((metadata) => Object.keys(metadata).some((key) => isImageKey(key)));
  if (isolating)
    add('AggregateImagePropertiesIsolation', 'are in groups for such images', inGroups((all) => all.every((metadata) => Object.keys(metadata).filter(isImageKey).every((key) => !(key in wish.image) || valuesOf([metadata], key).includes(wish.image[key]!)))));
  const tenants = (metadata: Readonly<Record<string, string>>) => Object.entries(metadata).filter(([key]) => key.startsWith('filter_tenant_id')).flatMap(([, value]) => listed(value));
  if (said.some((metadata) => tenants(metadata).length > 0))
    add('AggregateMultiTenancyIsolation', 'are not kept for others', inGroups((all) => all.flatMap(tenants).length === 0 || all.flatMap(tenants).includes(wish.projectId)));
  for (const [key, name, says, column] of limits) {
    const limited = said.some((metadata) => key in metadata);
    if (!limited) continue;
    const most = Float64Array.from(board.groupSets.values, (ids) => Math.min(...valuesOf(named(ids), key).map(Number).filter((limit) => !Number.isNaN(limit))));
    const counts = board[column];
    add(name, says, (list, count) => {
      let left = 0;
      for (let at = 0; at < count; at++) if (counts[list[at]!]! < most[board.groups[list[at]!]!]!) list[left++] = list[at]!;
      return left;
    });
  }
}

/** What an aggregate may say of how much its hosts may have at once; without it there is no such limit. */
export const ioOpsKey = 'max_io_ops_per_host';
export const instancesKey = 'max_instances_per_host';
const limits = [
  [ioOpsKey, 'AggregateIoOpsFilter', 'are not too busy', 'underWay'],
  [instancesKey, 'AggregateNumInstancesFilter', 'do not have too many servers', 'instances'],
] as const;

function addGroup(board: Board, { group }: Wish, add: (name: string, says: string, keep: Keep) => void): void {
  if (!group) return;
  const { policy, members, mostPerHost } = group;
  const full = Object.entries(members).filter(([, count]) => count >= mostPerHost).map(([id]) => id);
  if (policy === 'anti-affinity' && full.length > 0) add('ServerGroupAntiAffinityFilter', 'are free of its group', except(board, full));
  if (policy === 'affinity' && Object.keys(members).length > 0) add('ServerGroupAffinityFilter', 'have its group', among(board, Object.keys(members)));
}

function alive({ takesServers, seenAt }: Board, after: number, list: Int32Array, count: number): number {
  let left = 0;
  for (let at = 0; at < count; at++) {
    const index = list[at]!;
    if (takesServers[index] === 1 && seenAt[index]! >= after) list[left++] = index;
  }
  return left;
}

function byTable(column: Uint32Array, table: Uint8Array): Keep {
  return (list, count) => {
    let left = 0;
    for (let at = 0; at < count; at++) {
      const index = list[at]!;
      if (table[column[index]!] === 1) list[left++] = index;
    }
    return left;
  };
}

function byNumber(valueOf: (index: number) => number, isRight: (value: number) => boolean): Keep {
  return (list, count) => {
    let left = 0;
    for (let at = 0; at < count; at++) if (isRight(valueOf(list[at]!))) list[left++] = list[at]!;
    return left;
  };
}

function roomIn({ free, units }: Column, amount: number, canBe: Uint8Array): Keep {
  return (list, count) => {
    let left = 0;
    for (let at = 0; at < count; at++) {
      const index = list[at]!;
      if (free[index]! >= amount && canBe[units[index]!] === 1) list[left++] = index;
    }
    return left;
  };
}

function among(board: Board, ids: readonly string[]): Keep {
  return marked(board, ids, 1);
}

function except(board: Board, ids: readonly string[]): Keep {
  return marked(board, ids, 0);
}

/** Those that are among these (1) or not (0). */
function marked(board: Board, ids: readonly string[], wanted: 0 | 1): Keep {
  const marks = new Uint8Array(board.size);
  for (const id of ids) {
    const index = board.indexOf(id);
    if (index !== undefined) marks[index] = 1;
  }
  return (list, count) => {
    let left = 0;
    for (let at = 0; at < count; at++) {
      const index = list[at]!;
      if (marks[index] === wanted) list[left++] = index;
    }
    return left;
  };
}

function nearTo(board: Board, { address, prefix }: { address: string; prefix: number }): Keep {
  const wanted = networkOf(address, prefix);
  return byNumber((index) => networkOf(board.addresses[index]!, prefix), (network) => network === wanted);
}

function networkOf(address: string, prefix: number): number {
  const bytes = address.split('.').map(Number);
  return bytes.length === 4 && prefix > 0 ? Math.floor(((bytes[0]! * 256 + bytes[1]!) * 256 + bytes[2]!) * 256 + bytes[3]!) >>> (32 - prefix) : bytes.length === 4 ? 0 : Number.NaN;
}

function valuesOf(all: readonly Readonly<Record<string, string>>[], key: string): string[] {
  return all.flatMap((metadata) => (metadata[key] === undefined ? [] : listed(metadata[key])));
}

/** An operator may name several: nova/scheduler/filters/utils.py, aggregate_metadata_get_by_host */
function listed(value: string): string[] {
  return value.split(',').map((each) => each.trim());
}

const isImageKey = (key: string) => /^(hw|os|img)_/.test(key);
const imageKeys = ['hw_architecture', 'img_hv_type', 'hw_vm_mode', 'img_hv_requested_version'];

/** nova/scheduler/filters/image_props_filter.py */
function runs(kind: Kind, image: Readonly<Record<string, string>>): boolean {
  const { hw_architecture: architecture, img_hv_type: hypervisor, hw_vm_mode: mode, img_hv_requested_version: version } = image;
  const engines = { qemu: ['qemu', 'kvm'], simulated: ['simulated', 'qemu', 'kvm'] }[kind.hypervisorType.toLowerCase()] ?? [kind.hypervisorType.toLowerCase()];
  return (
    (architecture === undefined || canonical(architecture) === canonical(kind.architecture)) &&
    (hypervisor === undefined || engines.includes(hypervisor.toLowerCase())) &&
    (mode === undefined || mode.toLowerCase() === 'hvm') &&
    (version === undefined || version.split(',').every((part) => isVersion(kind.hypervisorVersion, part.trim())))
  );
}

/** nova/objects/fields.py, Architecture.canonicalize */
function canonical(architecture: string): string {
  const name = architecture.toLowerCase();
  return { amd64: 'x86_64', x86: 'i686', i386: 'i686' }[name] ?? name;
}

/** `>=6.0`, as Python's packaging writes it. */
function isVersion(own: number, wanted: string): boolean {
  const [, operator = '', version = ''] = /^(>=|<=|==|!=|>|<)?\s*([\d.]+)$/.exec(wanted) ?? [];
  const [major = 0, minor = 0, release = 0] = version.split('.').map(Number);
  const other = major * 1_000_000 + minor * 1_000 + release;
  return { '>=': own >= other, '<=': own <= other, '>': own > other, '<': own < other, '!=': own !== other }[operator] ?? own === other;
}

/** What does not change with what is claimed: by the names that a host's state has in nova/scheduler/host_manager.py. */
function isCapable(kind: Kind, name: string, wanted: string): boolean {
  const value = { hypervisor_type: kind.hypervisorType, hypervisor_version: String(kind.hypervisorVersion), vcpus_total: String(kind.vcpus), total_usable_ram_mb: String(kind.memoryMiB), total_usable_disk_gb: String(kind.diskGiB), 'cpu_info:arch': kind.architecture, 'cpu_info:model': kind.cpuModel }[name];
  return value !== undefined && meets(value, wanted);
}

const freeOf = (resourceClass: string) => (board: Board) => {
  const column = board.column(resourceClass);
  return (index: number) => (column ? column.free[index]! : 0);
};

const changing: Record<string, (board: Board) => (index: number) => number> = {
  free_ram_mb: freeOf('MEMORY_MB'),
  free_disk_mb: (board) => (index) => freeOf('DISK_GB')(board)(index) * 1024,
  vcpus_used: (board) => (index) => (board.column('VCPU')?.capacity[index] ?? 0) - freeOf('VCPU')(board)(index),
  num_io_ops: (board) => (index) => board.underWay[index]!,
  num_instances: (board) => (index) => board.instances[index]!,
};

function fitsCells({ numaCells, vcpus, memoryMiB }: Kind, { numaCells: wanted, ownProcessors, amounts }: Wish): boolean {
  // Large pages, siblings of a core, and processors for what emulates a machine, no host tells of; nor is a guest held to processors some of which are its own.
  if (numaCells === undefined || (ownProcessors !== null && ownProcessors !== 'hw:cpu_policy=dedicated')) return false;
  const cells = wanted ?? 1;
  const amountOf = (...classes: string[]) => amounts.filter(({ resourceClass }) => classes.includes(resourceClass)).reduce((sum, { amount }) => sum + amount, 0);
  return cells <= numaCells && amountOf('VCPU', 'PCPU') / cells <= vcpus / numaCells && amountOf('MEMORY_MB') / cells <= memoryMiB / numaCells;
}
