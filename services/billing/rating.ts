/**
 * From use and a book to costs. Pure, and exact: quantities are units times milliseconds, prices billionths, and a
 * quotient is only taken of sums. Each line is the difference of two rounded sums, so that lines add up to the whole.
 */
import { isSold } from '../metering/states.ts';
import { dividedHalfEven, moneyOf, nanosOf } from './money.ts';

export type Price = { up_to: string | null; price: string };

export type BookEntry = {
  id: string;
  resource: string;
  measure: string;
  flavor?: string;
  region?: string;
  states?: string[];
  per?: number;
  price?: string;
  included?: string;
  tiers?: Price[];
};

export type Used = { region: string; projectId: string; resource: string; flavor: string; state: string; measures: Readonly<Record<string, number>>; durationMs: number | bigint };

export type RatedLine = { entry: string; region: string; projectId: string; resource: string; flavor: string; measure: string; unitMs: bigint; costNano: bigint };

const hourMs = 3_600_000n;

/** The lines in a fixed order, whatever the order of the use; what costs nothing by the book is left out. */
export function rate(used: Iterable<Used>, entries: readonly BookEntry[]): RatedLine[] {
  const sums = sumByLine(used, entries);
  const costs = new Map(entries.map((entry) => [entry.id, costOf(entry)]));
  const soFar = new Map<string, { unitMs: bigint; costNano: bigint }>();
  const keys = [...sums.keys()].toSorted();
  return keys.map((key) => {
    const line = sums.get(key)!;
    const before = soFar.get(line.entry) ?? { unitMs: 0n, costNano: 0n };
    const unitMs = before.unitMs + line.unitMs;
    // A sum that is taken back below nothing is worth nothing.
    const costNano = costs.get(line.entry)!(unitMs < 0n ? 0n : unitMs);
    soFar.set(line.entry, { unitMs, costNano });
    return { ...line, costNano: costNano - before.costNano };
  });
}

type SumLine = Omit<RatedLine, 'costNano'>;

function sumByLine(used: Iterable<Used>, entries: readonly BookEntry[]): Map<string, SumLine> {
  const sums = new Map<string, SumLine>();
  const sold = finder(entries);
  for (const { region, projectId, resource, flavor, state, measures, durationMs } of used) {
    for (const { entry, measure } of sold({ region, resource, flavor, state })) {
      const units = measures[measure];
      if (units === undefined) continue;
      const key = lineKey({ entry, region, projectId, resource, flavor, measure });
      const unitMs = BigInt(durationMs) * BigInt(units);
      const sum = sums.get(key);
      if (sum === undefined) sums.set(key, { entry, region, projectId, resource, flavor, measure, unitMs });
      else sum.unitMs += unitMs;
    }
  }
  return sums;
}

/** A line is the same line in two computations when this is the same. */
export function lineKey({ entry, region, projectId, resource, flavor, measure }: Pick<RatedLine, 'entry' | 'region' | 'projectId' | 'resource' | 'flavor' | 'measure'>): string {
  return JSON.stringify([projectId, region, resource, flavor, measure, entry]);
}

/** Which entries a use falls under, one a measure; remembered, because a million records are of few kinds. */
function finder(entries: readonly BookEntry[]): (kind: Pick<Used, 'region' | 'resource' | 'flavor' | 'state'>) => readonly { entry: string; measure: string }[] {
  const known = new Map<string, { entry: string; measure: string }[]>();
  return ({ region, resource, flavor, state }) => {
    const key = `${region}\0${resource}\0${flavor}\0${state}`;
    const found = known.get(key);
    if (found) return found;
    const fitting = entries.filter(
      (entry) =>
        entry.resource === resource && (entry.flavor === undefined || entry.flavor === flavor) && (entry.region === undefined || entry.region === region) && (entry.states ? entry.states.includes(state) : isSold(state)),
    );
    const first = new Map<string, { entry: string; measure: string }>();
    for (const { id, measure } of fitting) if (!first.has(measure)) first.set(measure, { entry: id, measure });
    known.set(key, [...first.values()]);
    return [...first.values()];
  };
}

/** What the first so many units times milliseconds cost, rounded once. */
function costOf({ per = 1, price, tiers, included = '0' }: BookEntry): (unitMs: bigint) => bigint {
  const hour = BigInt(per) * hourMs;
  const free = BigInt(included) * hour;
  const steps = (tiers ?? [{ up_to: null, price: price ?? '0' }]).map((tier) => ({ until: tier.up_to === null ? undefined : BigInt(tier.up_to) * hour, nanos: nanosOf(tier.price) }));
  return (unitMs) => {
    const sold = unitMs > free ? unitMs - free : 0n;
    let [numerator, from] = [0n, 0n];
    for (const { until, nanos } of steps) {
      if (sold <= from) break;
      const to = until === undefined || until > sold ? sold : until;
      if (to > from) numerator += (to - from) * nanos;
      from = to > from ? to : from;
    }
    return dividedHalfEven(numerator, hour);
  };
}

/** The same book with each price so many percent higher: a price is a billionth, half-even. */
export function withMargin(entries: readonly BookEntry[], percent: string): BookEntry[] {
  // Percent with nine places: a hundred of them are a hundred billion.
  const whole = 100n * 1_000_000_000n;
  const factor = whole + nanosOf(percent);
  const raised = (price: string): string => moneyOf(dividedHalfEven(nanosOf(price) * factor, whole));
  return entries.map((entry) => ({
    ...entry,
    ...(entry.price === undefined ? {} : { price: raised(entry.price) }),
    ...(entry.tiers === undefined ? {} : { tiers: entry.tiers.map(({ up_to, price }) => ({ up_to, price: raised(price) })) }),
  }));
}
