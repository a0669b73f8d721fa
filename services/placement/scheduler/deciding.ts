/** Where a server goes: a function of the board and the wish, whose last step can be taken again from what was kept of it. */
import { classOfDevice, type Wish } from './wishes.ts';
import type { Board, Column } from './board.ts';
import { filtersFor } from './filters.ts';

/** How many hosts there were left after each question. */
export type Left = { filter: string; says: string; hosts: number };
/** Between what the values of all hosts were that came so far, and how much it counts. */
export type Scale = { name: string; multiplier: number; least: number; most: number };
export type Finalist = { hostId: string; /** In the order of scales. */ values: number[]; /** Among equals, the earlier. */ turn: number };
export type Decision = { hosts: number; left: Left[]; scales: Scale[]; /** The best first. */ finalists: Finalist[] };

const mostFinalists = 6;

export function decide(board: Board, wish: Wish, { aliveAfter, seed }: { aliveAfter: number; seed: string }): Decision {
  const { list } = board;
  let count = 0;
  for (let index = 0; index < board.size; index++) if (board.generation[index]! >= 0) list[count++] = index;
  const hosts = count;
  const left = filtersFor(board, wish, aliveAfter).map(({ name, says, keep }): Left => {
    count = keep(list, count);
    return { filter: name, says, hosts: count };
  });
  if (count === 0) return { hosts, left, scales: [], finalists: [] };
  // Two schedulers that ask at once, of hosts that are all alike, begin at different ones.
  const first = hashOf(seed) % count;
  const { scales, indexes } = best(board, wish, count, first);
  const few = Int32Array.from(indexes, (at) => list[at]!);
  const values = weighersFor(board, wish).map(({ fill }) => {
    const own = new Float64Array(few.length);
    fill(own, few, few.length);
    return own;
  });
  const finalists = indexes.map((at, index): Finalist => ({ hostId: board.ids[list[at]!]!, values: values.map((own) => own[index]!), turn: (at - first + count) % count }));
  return { hosts, left, scales, finalists: ranked(finalists, scales) };
}

/** The best first: what is decided, and what is decided again from a record. */
export function ranked(finalists: readonly Finalist[], scales: readonly Scale[]): Finalist[] {
  const scoreOf = ({ values }: Finalist) => scales.reduce((sum, scale, index) => sum + weighed(scale, values[index]!), 0);
  return finalists.toSorted((one, other) => scoreOf(other) - scoreOf(one) || one.turn - other.turn);
}

function weighed({ multiplier, least, most }: Scale, value: number): number {
  return most === least ? 0 : (multiplier * (value - least)) / (most - least);
}

/** `fill` looks at all hosts of a list at once: a call for each would take longer than what it does. */
type Weigher = { name: string; multiplier: number; fill(values: Float64Array, list: Int32Array, count: number): void };

/** nova/scheduler/weights/, with the multipliers that Nova has at first */
function weighersFor(board: Board, { group, amounts }: Wish): Weigher[] {
  const weighers: Weigher[] = [
    { name: 'ram', multiplier: 1, fill: free(board, 'MEMORY_MB') },
    { name: 'cpu', multiplier: 1, fill: free(board, 'VCPU') },
    { name: 'disk', multiplier: 1, fill: free(board, 'DISK_GB') },
  ];
  if (board.anyUnderWay) weighers.push({ name: 'io_ops', multiplier: -1, fill: counted(board.underWay) });
  if (board.anyFailedBuilds) weighers.push({ name: 'build_failures', multiplier: -1_000_000, fill: counted(board.failedBuilds) });
  // Hosts with devices are for those who want them.
  for (const name of board.classes.filter((each) => each.startsWith(classOfDevice('')))) weighers.push({ name: `pci ${name}`, multiplier: amounts.some(({ resourceClass }) => resourceClass === name) ? 1 : -1, fill: having(board.column(name)!) });
  if (group?.policy === 'soft-affinity' || group?.policy === 'soft-anti-affinity') {
    const members = new Uint32Array(board.size);
    for (const [id, count] of Object.entries(group.members)) members[board.indexOf(id) ?? board.size] = count;
    // Nova's counts 1 like the others, so that a large difference of room outweighs it; it is the only one that was asked for.
    weighers.push({ name: group.policy, multiplier: group.policy === 'soft-affinity' ? 100 : -100, fill: counted(members) });
  }
  return weighers;
}

function free(board: Board, resourceClass: string): Weigher['fill'] {
  const column = board.column(resourceClass);
  if (!column) return (values, _, count) => void values.fill(0, 0, count);
  return counted(column.free);
}

function counted(counts: Uint32Array | Float64Array): Weigher['fill'] {
  return (values, list, count) => {
    for (let at = 0; at < count; at++) values[at] = counts[list[at]!]!;
  };
}

function having({ capacity }: Column): Weigher['fill'] {
  return (values, list, count) => {
    for (let at = 0; at < count; at++) values[at] = Math.max(0, capacity[list[at]!]!);
  };
}

/** Where in the list the best are, in no order. */
function best(board: Board, wish: Wish, count: number, first: number): { scales: Scale[]; indexes: number[] } {
  const { list, scores, raw } = board;
  scores.fill(0, 0, count);
  const scales = weighersFor(board, wish).map(({ name, multiplier, fill }): Scale => {
    fill(raw, list, count);
    let [least, most] = [Infinity, -Infinity];
    for (let at = 0; at < count; at++) {
      const value = raw[at]!;
      if (value < least) least = value;
      if (value > most) most = value;
    }
    if (most > least) {
      const factor = multiplier / (most - least);
      for (let at = 0; at < count; at++) scores[at]! += (raw[at]! - least) * factor;
    }
    return { name, multiplier, least, most };
  });
  const indexes: number[] = [];
  // The last of a few that are in order is the one to beat.
  let toBeat = -Infinity;
  const look = (from: number, until: number) => {
    for (let at = from; at < until; at++) {
      const score = scores[at]!;
      if (score <= toBeat) continue;
      let place = indexes.length;
      while (place > 0 && scores[indexes[place - 1]!]! < score) place--;
      indexes.splice(place, 0, at);
      if (indexes.length > mostFinalists) indexes.pop();
      if (indexes.length === mostFinalists) toBeat = scores[indexes.at(-1)!]!;
    }
  };
  look(first, count);
  look(0, first);
  return { scales, indexes };
}

/** FNV-1a */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}

/** What the tenant may read: how many, and none by name. */
export function explain({ hosts, left }: Decision): string {
  const told = left.map(({ filter, says, hosts: count }, index) => `${count}${index === 0 ? '' : ' of these'} ${says} (${filter})`);
  return ` Of ${hosts} hosts, ${told.join(', ')}.`;
}
