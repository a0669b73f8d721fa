/**
 * What passes routers' ways out is counted by the switch, as it counts what each of its flows does. Policies of routers (ovn-nb(5)) are
 * where packets have the addresses that they have inside; one that only allows changes nothing, and of several the first alone sees
 * a packet, so that the narrower come first.
 */
import type { RouterSpec, TrafficCounter, WayOut } from '../../driver.ts';
import { run } from '../command.ts';
import type { EngineLayout } from '../engine-layout.ts';
import type { EnginePrograms } from '../engine-programs.ts';
import type { OvsdbClient } from '../ovsdb.ts';
import { cidr, networkOf } from './addresses.ts';
import { routerName, routerPortName, TAG, type WantedRow } from './northbound.ts';

export type Count = { packets: number; bytes: number };

/** How often this host's switch has done what policies with these matches say; nothing of those that it does not know yet. */
export type Counts = (matches: ReadonlySet<string>) => Promise<Map<string, Count>>;

export function counterRows({ id, counters = [] }: RouterSpec, way: WayOut): WantedRow[] {
  return counters.map((counter) => {
    const { direction, source, destination } = counter;
    const about = JSON.stringify({ routerId: id, direction, source, destination });
    return {
      table: 'Logical_Router_Policy',
      key: `counter/${way.portId}/${direction}/${source ?? 'any'}/${destination ?? 'any'}`,
      columns: { priority: 100 + narrowness(counter), match: matchOf(counter, routerPortName(way.portId)), action: 'allow', external_ids: { [TAG.counter]: about } },
      heldBy: [{ table: 'Logical_Router', key: routerName(id), column: 'policies' }],
    };
  });
}

function matchOf({ direction, source, destination }: TrafficCounter, portName: string): string {
  const about = [['src', source], ['dst', destination]] as const;
  const blocks = about.flatMap(([side, block]) => {
    if (block === null) return [];
    const { version, prefix } = cidr(block);
    return prefix === 0 ? [`ip${version}`] : [`ip${version}.${side} == ${networkOf(block)}`];
  });
  return [`${direction === 'egress' ? 'outport' : 'inport'} == "${portName}"`, ...blocks].join(' && ');
}

const narrowness = ({ source, destination }: TrafficCounter): number => [source, destination].reduce((sum, block) => sum + (block === null ? 0 : 1 + cidr(block).prefix), 0);

/** OVN's controller gives each flow the first half of a number of its logical flow's for a cookie: ovn-architecture(7). */
export function switchCounts({ layout, programs, southbound }: { layout: EngineLayout; programs: EnginePrograms; southbound: OvsdbClient }): Counts {
  return async (matches) => {
    const [flows] = await southbound.transact([
      { op: 'select', table: 'Logical_Flow', where: [['external_ids', 'includes', ['map', [['stage-name', 'lr_in_policy']]]]], columns: ['_uuid', 'match', 'table_id'] },
    ]);
    const matchOfCookie = new Map<string, string>();
    const tables = new Set<number>();
    for (const row of flows?.rows ?? []) {
      const match = String(row['match']);
      if (!matches.has(match)) continue;
      matchOfCookie.set((row['_uuid'] as ['uuid', string])[1].slice(0, 8), match);
      tables.add(firstLogicalTable + Number(row['table_id']));
    }
    const counts = new Map<string, Count>();
    for (const table of tables) {
      const dump = await run(programs.program('ovs-ofctl'), ['dump-flows', `unix:${layout.runDirectory}/${layout.integrationBridge}.mgmt`, `table=${table}`], { timeoutMs: 20_000 });
      for (const [, cookie = '', packets, bytes] of dump.matchAll(/cookie=0x([0-9a-f]+), .*?n_packets=(\d+), n_bytes=(\d+)/g)) {
        const match = matchOfCookie.get(cookie.padStart(8, '0'));
        if (match === undefined) continue;
        const sum = counts.get(match) ?? { packets: 0, bytes: 0 };
        counts.set(match, { packets: sum.packets + Number(packets), bytes: sum.bytes + Number(bytes) });
      }
    }
    return counts;
  };
}

/** OFTABLE_LOG_INGRESS_PIPELINE of ovn's controller/lflow.h. */
const firstLogicalTable = 8;
