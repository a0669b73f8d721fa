/** What was measured, beside what is promised. */
import Table from 'cli-table3';
import type { Agents } from './agents.ts';
import type { Results } from './bench.ts';
import type { Cost, Costs } from './cost.ts';
import type { Fleet } from './fleet.ts';
import type { Measured } from './load.ts';

type Rows = [string, string, string][];

/** Only what was measured; nothing, if nothing was. */
export function tableOfPromises({ starts, decisionMs, placements, fleet, agents, validations, latency, meter, usage, flood, ports, volumes, bytes, transfers, pages, reads, costs }: Results): string {
  const rows: Rows = [];
  if (starts) {
    const { coldMs, warmMs, memory } = starts;
    const totalMiB = Object.values(memory).reduce((sum, each) => sum + each, 0);
    rows.push(['nothing to first answer', `${(coldMs / 1000).toFixed(2)} s`, '15 s'], ['warm start to first answer', `${(warmMs / 1000).toFixed(2)} s`, '2 s']);
    rows.push([`memory when idle (PSS): ${Object.entries(memory).map(([name, each]) => `${name} ${each.toFixed(0)}`).join(', ')}`, `${totalMiB.toFixed(0)} MiB`, '400 MB']);
  }
  if (decisionMs !== undefined) rows.push(['decision over 1,000 candidates, median', `${decisionMs.toFixed(2)} ms`, '5 ms']);
  for (const { hosts, medianMs, p99Ms, undisturbedP99Ms, undisturbed } of placements ?? [])
    rows.push([`decision over ${hosts.toLocaleString('en')} hosts, p99`, `${p99Ms.toFixed(2)} ms, of the ${undisturbed} that nothing interrupted ${undisturbedP99Ms.toFixed(2)} ms (median ${medianMs.toFixed(2)})`, hosts > 10_000 ? '5 ms' : '1 ms']);
  if (fleet) rows.push(...rowsOf(fleet));
  if (agents) rows.push(...rowsOfAgents(agents));
  if (validations) rows.push(['tokens verified per second and core, each for the first time', `${validations.firstPerCoreSecond.toFixed(0)} (later ${validations.laterPerCoreSecond.toFixed(0)})`, '30000']);
  if (latency) rows.push(['server create answers 202, median', `${latency.find(({ name }) => name.startsWith('server create'))?.medianMs.toFixed(1)} ms`, '20 ms']);
  if (meter) rows.push(['usage: events turned into records per second and core, in a region', `${meter.perCoreSecond.toFixed(0)} (${meter.perSecond.toFixed(0)} per second by one meter)`, '30000']);
  if (usage) {
    rows.push(['usage: records taken per second and core, at home', `${usage.perCoreSecond.toFixed(0)} (${usage.perSecond.toFixed(0)} per second from one sender)`, '30000']);
    rows.push([`usage: ${usage.records} records rated and billed, in ${usage.lines} lines`, `${usage.billedSeconds.toFixed(1)} s (and computed again, one by one, in ${usage.replayedSeconds.toFixed(1)} s)`, `${((60 * usage.records) / 1_000_000).toFixed(0)} s`]);
  }
  if (ports) {
    const { count, connections, oneByOneMs, together, togetherMs, emptyRuleMs, fullRuleMs } = ports;
    rows.push([`${count} ports over ${connections} connections`, `${(oneByOneMs / 1000).toFixed(1)} s`, `${(count / 500).toFixed(0)} s`]);
    rows.push([`${together} ports by one request`, `${togetherMs.toFixed(0)} ms`, '1000 ms']);
    rows.push([`a rule added to a group of ${count + together} ports`, `${fullRuleMs.toFixed(1)} ms, ${emptyRuleMs.toFixed(1)} ms to one of none`, 'the same']);
  }
  if (volumes) {
    const { count, connections, madeMs, goneMs } = volumes;
    rows.push([`${count} volumes made and deleted over ${connections} connections`, `${((madeMs + goneMs) / 1000).toFixed(1)} s (made in ${(madeMs / 1000).toFixed(1)} s)`, `${(count / 50).toFixed(0)} s`]);
  }
  const dd = bytes?.[0];
  for (const { name, mib, mibPerSecond, mibPerCoreSecond, moreMib } of bytes?.slice(1) ?? []) {
    const share = (of: number, all: number) => `${((of / all) * 100).toFixed(0)} %`;
    rows.push([`${name} of an image of ${mib} MiB, of what \`dd\` with the same hashes does`, `${share(mibPerCoreSecond, dd!.mibPerCoreSecond)} by its processor, ${share(mibPerSecond, dd!.mibPerSecond)} by the clock (${mibPerSecond.toFixed(0)} MiB/s)`, '80 %']);
    rows.push([`memory more for the ${name}`, `${moreMib!.toFixed(0)} MiB`, '64 MiB']);
  }
  if (transfers) {
    for (const way of ['get', 'put'] as const) {
      const { [way]: ours } = transfers.ours;
      const { [way]: nginx } = transfers.nginx;
      const told = (which: 'medianMs' | 'fastestMs') => `${((nginx[which] / ours[which]) * 100).toFixed(0)} % (${ours[which].toFixed(0)} ms, ${nginx[which].toFixed(0)} ms)`;
      rows.push([`${way.toUpperCase()} of ${transfers.mebibytes} MiB, of the speed of nginx`, `${told('medianMs')}, of the fastest ${told('fastestMs')}`, '70 %']);
    }
  }
  for (const { name, medianMs, fastestMs } of pages?.pages ?? []) rows.push([`a page ${name}, of a container of ${pages!.objects.toLocaleString('en')} objects`, `${medianMs.toFixed(1)} ms (the fastest ${fastestMs.toFixed(1)})`, name.startsWith('of 10,000') ? '' : '20 ms']);
  const smallRead = [...(costs ?? []), ...(reads ?? [])].find(({ name }) => name === 'object read, 1 KiB');
  if (smallRead) rows.push(['small objects read per second and core', (1000 / smallRead.costs[0]!.milliseconds).toFixed(0), '2000']);
  if (flood) {
    const { calmMs, floodedMs, refused } = flood;
    const logins = Object.entries(refused).map(([status, count]) => `${count} times ${status}`).join(', ');
    rows.push([`p99 of reads under a flood of 64 logins at once (${logins})`, `${floodedMs.toFixed(2)} ms, ${((floodedMs / calmMs - 1) * 100).toFixed(0)} % over ${calmMs.toFixed(2)} ms`, '20 %']);
  }
  return rows.length === 0 ? '' : tableOf(['', 'measured', 'promised'], rows);
}

function rowsOf({ servers, hosts, activeSeconds, acceptedSeconds, millisecondsEach, answersP99Ms, listed, listMedianMs, memory }: Fleet): Rows {
  const each = Object.values(millisecondsEach).reduce((sum, one) => sum + one, 0);
  const told = (of: Record<string, number>) => Object.entries(of).map(([name, one]) => `${name} ${one.toFixed(1)}`).join(', ');
  return [
    [`${servers} servers on ${hosts} hosts, until all are ACTIVE`, `${activeSeconds.toFixed(1)} s (accepted in ${acceptedSeconds.toFixed(1)} s)`, servers === 10_000 ? '60 s' : ''],
    [`of all processors, for a server (${told(millisecondsEach)})`, `${each.toFixed(1)} ms`, ''],
    ['p99 of light answers meanwhile', `${answersP99Ms.toFixed(1)} ms`, '50 ms'],
    [`a list of ${listed} servers with details, median`, `${listMedianMs.toFixed(1)} ms`, listed === 1_000 ? '20 ms' : ''],
    [`memory with them (PSS): ${told(memory)}`, `${Object.values(memory).reduce((sum, one) => sum + one, 0).toFixed(0)} MiB`, servers === 100_000 ? '1 GB' : ''],
  ];
}

function rowsOfAgents({ agents, alone, joined, convergedSeconds, convergedCoreSeconds }: Agents): Rows {
  const total = (of: Record<string, number>) => Object.values(of).reduce((sum, one) => sum + one, 0);
  const more = Object.keys(joined).map((name) => `${name} ${(joined[name]! - alone[name]!).toFixed(1)}`).join(', ');
  return [
    [`${agents} agents joined and idle, of a core (${more})`, `${(total(joined) - total(alone)).toFixed(1)} % more than the ${total(alone).toFixed(1)} % without any`, agents === 1_000 ? '3 %' : ''],
    [`${agents} agents started again at once, until all are up`, `${convergedSeconds.toFixed(1)} s (${convergedCoreSeconds.toFixed(1)} s of a core)`, agents === 1_000 ? '60 s' : ''],
  ];
}

/** One after another: what a client waits for. */
export function tableOfLatencies(measured: readonly Measured[]): string {
  return tableOf(['one after another', 'median ms', 'p99 ms', 'per second'], measured.map(({ name, medianMs, p99Ms, perSecond }) => [name, medianMs.toFixed(2), p99Ms.toFixed(2), perSecond.toFixed(0)]));
}

export function tableOfCosts(measured: readonly Costs[]): string {
  return tableOf(['of all processors, for a request', 'ms'], measured.map(({ name, costs }) => [name, costs[0]!.milliseconds.toFixed(3)]));
}

export type Comparison = {
  one: string;
  other: string;
  ratio: string;
  promised: string;
  of(costs: readonly Cost[]): number;
  /** Which of the ratios is the one to mind. */
  worst(...ratios: number[]): number;
};

/** With the geometric mean and the worst of them; what is slow by design is shown, and in neither. */
export function tableOfRatios(measured: readonly Costs[], { one, other, ratio, promised, of, worst }: Comparison): string {
  const rows = measured.map(({ name, costs, isSlowByDesign }) => [`${name}${isSlowByDesign === true ? ' (slow by design)' : ''}`, costs[0]!.milliseconds.toFixed(3), costs[1]!.milliseconds.toFixed(3), of(costs).toFixed(of(costs) < 10 ? 2 : 0)]);
  const ratios = measured.filter(({ isSlowByDesign }) => isSlowByDesign !== true).map(({ costs }) => of(costs));
  const mean = Math.exp(ratios.reduce((sum, each) => sum + Math.log(each), 0) / ratios.length);
  return tableOf(['of all processors, for a request', one, other, ratio], [...rows, ['geometric mean', '', '', mean.toFixed(2)], ['worst', '', '', worst(...ratios).toFixed(2)], ['promised', '', '', promised]]);
}

function tableOf(head: string[], rows: readonly string[][]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}
