/** What passes simulated routers, as far as they count it. */
import { BlockList, isIP } from 'node:net';
import type { NetworkDriver, RouterSpec, TrafficCounter } from '../driver.ts';
import type { State } from './state.ts';

/** With the addresses that it has inside. */
export type Traffic = { direction: 'ingress' | 'egress'; source: string; destination: string; packets: number; bytes: number };

export type PassingTraffic = ReturnType<typeof openTraffic>;
type Counted = Awaited<ReturnType<NetworkDriver['traffic']>>;

/** Counters live as long as this process, as those of a switch do. */
export function openTraffic({ state: { database }, hostId }: { state: State; hostId(): string }) {
  const counting = database.prepare(`select spec from network where kind = 'router' and spec ->> '$.counters' is not null`);
  const routers = () => counting.all().map(({ spec }) => JSON.parse(String(spec)) as RouterSpec);
  const counts = new Map<string, { packets: number; bytes: number }>();
  const countOf = (routerId: string, counter: TrafficCounter) => {
    const name = `${routerId} ${counter.direction} ${counter.source} ${counter.destination}`;
    const count = counts.get(name) ?? { packets: 0, bytes: 0 };
    counts.set(name, count);
    return count;
  };
  return {
    pass(routerId: string, { packets, bytes, ...packet }: Traffic): void {
      const router = routers().find(({ id }) => id === routerId);
      const [smallest] = (router?.counters ?? []).filter((counter) => fits(packet, counter)).toSorted((one, other) => narrowness(other) - narrowness(one));
      if (!smallest) return;
      const count = countOf(routerId, smallest);
      count.packets += packets;
      count.bytes += bytes;
    },
    read: (): Counted => routers().flatMap(({ id, counters: asked = [] }) => asked.map((counter) => ({ ...counter, routerId: id, hostId: hostId(), ...countOf(id, counter) }))),
  };
}

function fits(packet: Omit<Traffic, 'packets' | 'bytes'>, { direction, source, destination }: TrafficCounter): boolean {
  return packet.direction === direction && isWithin(packet.source, source) && isWithin(packet.destination, destination);
}

function isWithin(address: string, block: string | null): boolean {
  if (block === null) return true;
  const [first = '', prefix = ''] = block.split('/');
  const family = (text: string) => (isIP(text) === 6 ? 'ipv6' : 'ipv4');
  const list = new BlockList();
  list.addSubnet(first, Number(prefix), family(first));
  return list.check(address, family(address));
}

/** Of two that are one within the other, the inner has more. */
const narrowness = ({ source, destination }: TrafficCounter): number => [source, destination].reduce((sum, block) => sum + (block === null ? 0 : 1 + Number(block.split('/')[1])), 0);
