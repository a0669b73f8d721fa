/**
 * What is known of every host, in columns of numbers, because a decision looks at all of them. What few values many hosts
 * share (a zone, a set of traits, a kind of machine) is kept once and judged once.
 */
import type { HostReport } from '../../../drivers/driver.ts';

export type HostFacts = {
  id: string;
  hostname: string;
  generation: number;
  takesServers: boolean;
  availabilityZone: string;
  seenAt: number;
  failedBuilds: number;
  report: HostReport;
  inventories: { resourceClass: string; total: number; reserved: number; allocationRatio: number; used: number; minUnit: number; maxUnit: number; stepSize: number }[];
  traits: string[];
  groups: string[];
};

/** What machines have in common that are of one kind. */
export type Kind = Pick<HostReport, 'hypervisorType' | 'hypervisorVersion' | 'architecture' | 'cpuModel' | 'vcpus' | 'memoryMiB' | 'diskGiB' | 'numaCells'>;

export type Column = {
  /** What is left, without what this process has promised and not committed yet; below zero where there is none at all. */
  free: Float64Array;
  capacity: Float64Array;
  held: Float64Array;
  /** By how much it can be claimed at once. */
  units: Uint32Array;
};

export type Units = { least: number; most: number; step: number };

type Hold = { index: number; amounts: readonly (readonly [Column, number])[]; until: number };

export class Board {
  /** How many places there are; of hosts that are gone some stay empty. */
  size = 0;
  readonly ids: string[] = [];
  readonly hostnames: string[] = [];
  readonly addresses: string[] = [];
  generation = new Float64Array(0);
  takesServers = new Uint8Array(0);
  seenAt = new Float64Array(0);
  zone = new Uint32Array(0);
  groups = new Uint32Array(0);
  traits = new Uint32Array(0);
  kind = new Uint32Array(0);
  failedBuilds = new Uint32Array(0);
  /** Servers that something is being done with. */
  underWay = new Uint32Array(0);
  instances = new Uint32Array(0);
  /** Whether any host has any: mostly none has, and need not be looked at. */
  anyUnderWay = false;
  anyFailedBuilds = false;
  readonly zones = new Interned<string>();
  readonly groupSets = new Interned<readonly string[]>();
  readonly traitSets = new Interned<readonly string[]>();
  readonly kinds = new Interned<Kind>();
  readonly units = new Interned<Units>();
  /** What is said of groups of hosts, by their id. */
  aggregates: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map();
  /** For decisions, so that none has to make its own. */
  list = new Int32Array(0);
  scores = new Float64Array(0);
  raw = new Float64Array(0);
  readonly #columns = new Map<string, Column>();
  readonly #indexes = new Map<string, number>();
  readonly #holds = new Set<Hold>();

  /** What is older than what is known is not news: looks overlap. */
  put(facts: HostFacts): void {
    const index = this.#indexes.get(facts.id) ?? this.#add(facts.id);
    if (facts.generation < this.generation[index]!) return;
    this.generation[index] = facts.generation;
    this.hostnames[index] = facts.hostname;
    this.addresses[index] = facts.report.address;
    this.takesServers[index] = facts.takesServers ? 1 : 0;
    this.seenAt[index] = Math.max(facts.seenAt, this.seenAt[index]!);
    this.failedBuilds[index] = facts.failedBuilds;
    this.anyFailedBuilds ||= facts.failedBuilds > 0;
    this.zone[index] = this.zones.numberOf(facts.availabilityZone, facts.availabilityZone);
    this.groups[index] = this.groupSets.numberOf(facts.groups.join(), facts.groups);
    this.traits[index] = this.traitSets.numberOf(facts.traits.join(), facts.traits);
    const { hypervisorType, hypervisorVersion, architecture, cpuModel, vcpus, memoryMiB, diskGiB, numaCells } = facts.report;
    const kind: Kind = { hypervisorType, hypervisorVersion, architecture, cpuModel, vcpus, memoryMiB, diskGiB, ...(numaCells ? { numaCells } : {}) };
    this.kind[index] = this.kinds.numberOf(JSON.stringify(kind), kind);
    for (const column of this.#columns.values()) {
      column.capacity[index] = -1;
      column.free[index] = -1;
    }
    for (const { resourceClass, total, reserved, allocationRatio, used, minUnit, maxUnit, stepSize } of facts.inventories) {
      const column = this.#ensureColumn(resourceClass);
      column.capacity[index] = Math.floor((total - reserved) * allocationRatio);
      column.free[index] = column.capacity[index]! - used - column.held[index]!;
      column.units[index] = this.units.numberOf(`${minUnit} ${maxUnit} ${stepSize}`, { least: minUnit, most: maxUnit, step: stepSize });
    }
  }

  remove(id: string): void {
    const index = this.#indexes.get(id);
    if (index === undefined) return;
    this.generation[index] = -1;
    this.takesServers[index] = 0;
    this.seenAt[index] = 0;
  }

  see(id: string, at: number): void {
    const index = this.#indexes.get(id);
    if (index !== undefined && at > this.seenAt[index]!) this.seenAt[index] = at;
  }

  indexOf(id: string): number | undefined {
    const index = this.#indexes.get(id);
    return index === undefined || this.generation[index]! < 0 ? undefined : index;
  }

  /** Of hosts that are there, whether they take servers or not. */
  count(): number {
    let count = 0;
    for (let index = 0; index < this.size; index++) if (this.generation[index]! >= 0) count++;
    return count;
  }

  get classes(): string[] {
    return [...this.#columns.keys()];
  }

  column(resourceClass: string): Column | undefined {
    return this.#columns.get(resourceClass);
  }

  tally(into: 'underWay' | 'instances', counts: Iterable<readonly [string, number]>): void {
    const column = this[into];
    column.fill(0);
    for (const [id, count] of counts) {
      const index = this.#indexes.get(id);
      if (index !== undefined) column[index] = count;
    }
    if (into === 'underWay') this.anyUnderWay = column.some((count) => count > 0);
  }

  /** Until it is given back, or forgotten: what was to be claimed may never have been committed. */
  hold(index: number, amounts: readonly { resourceClass: string; amount: number }[], until: number): () => void {
    const hold: Hold = { index, until, amounts: amounts.map(({ resourceClass, amount }) => [this.#ensureColumn(resourceClass), amount]) };
    this.#holds.add(hold);
    for (const [column, amount] of hold.amounts) addHeld(column, index, amount);
    return () => this.#drop(hold);
  }

  dropHoldsBefore(now: number): void {
    for (const hold of this.#holds) if (hold.until < now) this.#drop(hold);
  }

  #drop(hold: Hold): void {
    if (!this.#holds.delete(hold)) return;
    for (const [column, amount] of hold.amounts) addHeld(column, hold.index, -amount);
  }

  #ensureColumn(resourceClass: string): Column {
    const known = this.#columns.get(resourceClass);
    if (known) return known;
    const room = this.generation.length;
    const column: Column = { free: new Float64Array(room).fill(-1), capacity: new Float64Array(room).fill(-1), held: new Float64Array(room), units: new Uint32Array(room) };
    this.#columns.set(resourceClass, column);
    return column;
  }

  #add(id: string): number {
    if (this.size === this.generation.length) this.#grow(Math.max(64, this.size * 2));
    const index = this.size++;
    this.#indexes.set(id, index);
    this.ids.push(id);
    this.generation[index] = -1;
    return index;
  }

  #grow(room: number): void {
    this.generation = grown(this.generation, new Float64Array(room));
    this.takesServers = grown(this.takesServers, new Uint8Array(room));
    this.seenAt = grown(this.seenAt, new Float64Array(room));
    this.zone = grown(this.zone, new Uint32Array(room));
    this.groups = grown(this.groups, new Uint32Array(room));
    this.traits = grown(this.traits, new Uint32Array(room));
    this.kind = grown(this.kind, new Uint32Array(room));
    this.failedBuilds = grown(this.failedBuilds, new Uint32Array(room));
    this.underWay = grown(this.underWay, new Uint32Array(room));
    this.instances = grown(this.instances, new Uint32Array(room));
    this.list = new Int32Array(room);
    this.scores = new Float64Array(room);
    this.raw = new Float64Array(room);
    for (const column of this.#columns.values()) {
      column.free = grown(column.free, new Float64Array(room).fill(-1));
      column.capacity = grown(column.capacity, new Float64Array(room).fill(-1));
      column.held = grown(column.held, new Float64Array(room));
      column.units = grown(column.units, new Uint32Array(room));
    }
  }
}

function addHeld(column: Column, index: number, amount: number): void {
  column.held[index]! += amount;
  column.free[index]! -= amount;
}

function grown<A extends Float64Array | Uint32Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

/** Values that many share, each with a number. */
export class Interned<T> {
  readonly values: T[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(key: string, value: T): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.values.length);
    return this.values.push(value) - 1;
  }

  /** Whether each value will do, by its number. */
  judge(isRight: (value: T) => boolean): Uint8Array {
    return Uint8Array.from(this.values, (value) => (isRight(value) ? 1 : 0));
  }
}
