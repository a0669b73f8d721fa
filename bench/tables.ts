/** What was measured, beside what is promised. */
import Table from 'cli-table3';
import type { Results } from './bench.ts';
import type { Cost, Costs } from './cost.ts';
import type { Measured } from './load.ts';

type Rows = [string, string, string][];

/** Only what was measured; nothing, if nothing was. */
export function tableOfPromises({ starts, decisionMs, validations, latency, usage, flood }: Results): string {
  const rows: Rows = [];
  if (starts) {
    const { coldMs, warmMs, memory } = starts;
    const totalMiB = Object.values(memory).reduce((sum, each) => sum + each, 0);
    rows.push(['nothing to first answer', `${(coldMs / 1000).toFixed(2)} s`, '15 s'], ['warm start to first answer', `${(warmMs / 1000).toFixed(2)} s`, '2 s']);
    rows.push([`memory when idle (PSS): ${Object.entries(memory).map(([name, each]) => `${name} ${each.toFixed(0)}`).join(', ')}`, `${totalMiB.toFixed(0)} MiB`, '400 MB']);
  }
  if (decisionMs !== undefined) rows.push(['decision over 1,000 candidates, median', `${decisionMs.toFixed(2)} ms`, '5 ms']);
  if (validations) rows.push(['tokens verified per second and core, each for the first time', `${validations.firstPerCoreSecond.toFixed(0)} (later ${validations.laterPerCoreSecond.toFixed(0)})`, '30000']);
  if (latency) rows.push(['server create answers 202, median', `${latency.find(({ name }) => name.startsWith('server create'))?.medianMs.toFixed(1)} ms`, '20 ms']);
  if (usage) {
    rows.push(['usage: records taken per second and core', `${usage.perCoreSecond.toFixed(0)} (${usage.perSecond.toFixed(0)} per second from one sender)`, '30000']);
    rows.push([`usage: ${usage.records} records rated and billed, in ${usage.lines} lines`, `${usage.billedSeconds.toFixed(1)} s (and computed again, one by one, in ${usage.replayedSeconds.toFixed(1)} s)`, `${((60 * usage.records) / 1_000_000).toFixed(0)} s`]);
  }
  if (flood) {
    const { calmMs, floodedMs, refused } = flood;
    const logins = Object.entries(refused).map(([status, count]) => `${count} times ${status}`).join(', ');
    rows.push([`p99 of reads under a flood of 64 logins at once (${logins})`, `${floodedMs.toFixed(2)} ms, ${((floodedMs / calmMs - 1) * 100).toFixed(0)} % over ${calmMs.toFixed(2)} ms`, '20 %']);
  }
  return rows.length === 0 ? '' : tableOf(['', 'measured', 'promised'], rows);
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
