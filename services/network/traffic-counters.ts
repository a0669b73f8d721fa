/**
 * What labels count, as counters that an engine can have: it lets one row act on a packet, and labels overlap. So each counter is
 * a pair of blocks, with every pair in which two of them meet, and a packet is counted by the smallest that it is in; a label
 * is the sum of those that are in what it counts.
 */
import type { TrafficCounter } from '../../drivers/driver.ts';
import { formatBlock, parseBlock, within, type Block } from './addresses.ts';

export type Asked = { direction: 'ingress' | 'egress'; remote_ip_prefix: string | null; source_ip_prefix: string | null; destination_ip_prefix: string | null };
type Pair = { direction: 'ingress' | 'egress'; source: Block | null; destination: Block | null };

export function countersFor(rules: readonly Asked[]): TrafficCounter[] {
  const found = new Map<string, Pair>();
  const left = rules.map(pairOf);
  for (let pair = left.pop(); pair; pair = left.pop()) {
    const name = counterName(shown(pair));
    if (found.has(name)) continue;
    for (const other of found.values()) {
      const both = meeting(pair, other);
      if (both) left.push(both);
    }
    found.set(name, pair);
  }
  return [...found.keys()].toSorted().map((name) => shown(found.get(name)!));
}

/** Whether a label with these rules counts what this counter has: what one of them leaves out, none counts. */
export function isCounted(counter: TrafficCounter, rules: readonly (Asked & { excluded: boolean })[]): boolean {
  const about = rules.filter((rule) => isInside(asPair(counter), pairOf(rule)));
  return about.length > 0 && about.every(({ excluded }) => !excluded);
}

export const counterName = ({ direction, source, destination }: TrafficCounter): string => `${direction} ${source ?? 'any'} ${destination ?? 'any'}`;

/** What is "remote" to a rule is what is inside, as neutron has it (iptables_driver.py, prepare_source_and_destination_rule_legacy). */
function pairOf({ direction, remote_ip_prefix: remote, source_ip_prefix: source, destination_ip_prefix: destination }: Asked): Pair {
  return asPair({ direction, source: direction === 'egress' ? (remote ?? source) : source, destination: direction === 'ingress' ? (remote ?? destination) : destination });
}

const asPair = ({ direction, source, destination }: TrafficCounter): Pair => ({ direction, source: source === null ? null : parseBlock(source)!, destination: destination === null ? null : parseBlock(destination)! });
const shown = ({ direction, source, destination }: Pair): TrafficCounter => ({ direction, source: source && formatBlock(source), destination: destination && formatBlock(destination) });

const isInside = (one: Pair, other: Pair): boolean =>
  one.direction === other.direction && (other.source === null || (one.source !== null && within(one.source, other.source))) && (other.destination === null || (one.destination !== null && within(one.destination, other.destination)));

/** The addresses that both are about; undefined when there are none. */
function meeting(one: Pair, other: Pair): Pair | undefined {
  if (one.direction !== other.direction) return undefined;
  const [source, destination] = [smaller(one.source, other.source), smaller(one.destination, other.destination)];
  if (source === undefined || destination === undefined || (source && destination && source.version !== destination.version)) return undefined;
  return { direction: one.direction, source, destination };
}

function smaller(one: Block | null, other: Block | null): Block | null | undefined {
  if (one === null || other === null) return one ?? other;
  return within(one, other) ? one : within(other, one) ? other : undefined;
}
