import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { match, type EventStatement, type IntervalRow, type Matched, type Own, type Peer, type SumRow } from './matching.ts';

const hourMs = 3_600_000;
const start = Date.parse('2026-03-01T00:00:00Z');
const hours = 10;
const toleranceMs = 600_000;

/** A thing that is there in stretches, with a size that may change from one to the next. */
type Life = { id: string; stretches: { from: number; until: number; vcpus: number }[] };

const life = (id: string) =>
  fc.record({ gaps: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 2, maxLength: 8 }), vcpus: fc.integer({ min: 1, max: 4 }) }).map(({ gaps, vcpus }): Life => {
    let at = start + 15 * 60_000;
    const moments = gaps.map((minutes) => (at += minutes * 60_000)).filter((each) => each < start + 5 * hourMs);
    return { id, stretches: moments.slice(1).flatMap((until, index) => (index % 2 === 0 ? [{ from: moments[index]!, until, vcpus }] : [])) };
  });

const shifted = ({ id, stretches }: Life, byMs: number): Life => ({ id, stretches: stretches.map(({ from, until, vcpus }) => ({ from: from + byMs, until: until + byMs, vcpus })) });

/** What such a cloud records of a thing: intervals cut at hours, with the changes that begin and end them. */
function rowsOf({ id, stretches }: Life): IntervalRow[] {
  return stretches.flatMap(({ from, until, vcpus }, index) => {
    const row = (begin: number, end: number, event: string | null): IntervalRow => ({ event, state: 'ACTIVE', from: new Date(begin).toISOString(), until: new Date(end).toISOString(), flavor: 'small', measures: { vcpus } });
    const cuts = [from];
    for (let hour = (Math.floor(from / hourMs) + 1) * hourMs; hour < until; hour += hourMs) cuts.push(hour);
    cuts.push(until);
    return [row(from, from, `${id} begins ${index}`), ...cuts.slice(1).map((end, place) => row(cuts[place]!, end, place === cuts.length - 2 ? `${id} ends ${index}` : null))];
  });
}

const touching = (rows: readonly IntervalRow[], from: number, until: number) => rows.filter((row) => Date.parse(row.until) >= from && Date.parse(row.from) < until);
const inHour = (rows: readonly IntervalRow[], hour: number) => rows.filter((row) => Date.parse(row.from) >= hour && Date.parse(row.until) <= hour + hourMs);
const unitMs = (rows: readonly IntervalRow[]) => rows.reduce((sum, row) => sum + BigInt(row.measures['vcpus'] ?? 0) * BigInt(Date.parse(row.until) - Date.parse(row.from)), 0n);

/** Compares an hour of what two clouds have recorded. */
function matchHour(ours: readonly Life[], theirs: readonly Life[], hour: number, oursOf: (peerId: string) => string = (id) => id): Promise<Matched> {
  const resources = (lives: readonly Life[]) => lives.map((each) => ({ resource_id: each.id, measure: 'vcpus', unit_ms: String(unitMs(inHour(rowsOf(each), hour))), flavor: 'small' })).filter(({ unit_ms: sum }) => sum !== '0');
  const sums = (lives: readonly Life[]): SumRow[] => {
    const sum = resources(lives).reduce((total, { unit_ms: each }) => total + BigInt(each), 0n);
    return sum === 0n ? [] : [{ project: 'p', resource: 'server', flavor: 'small', measure: 'vcpus', unit_ms: String(sum) }];
  };
  const head = { agreement: 'a', hour: new Date(hour).toISOString(), revision: 1 };
  const rows = (lives: readonly Life[], id: string) => lives.filter((each) => each.id === id).flatMap(rowsOf);
  const sized = <T extends object>(list: readonly T[]) => list.map((each) => ({ ...each, flavor: 'small', size: '1-1-1' }));
  const own: Own = {
    rows: sized(sums(ours)),
    resources: () => Promise.resolve(sized(resources(ours))),
    events: ({ resourceId, aroundMs }) => Promise.resolve(sized(touching(rows(ours, resourceId), hour - aroundMs, hour + hourMs + aroundMs))),
    attempts: () => Promise.resolve([]),
    lastChange: (resourceId) => Promise.resolve(touching(rows(ours, resourceId), 0, hour + hourMs).findLast(({ event }) => event !== null)?.event ?? null),
  };
  const peer: Peer = {
    resources: ({ project, resource }) => Promise.resolve({ ...head, level: 'resource', project, resource, rows: resources(theirs) }),
    events: ({ resource, resourceId }) => Promise.resolve<EventStatement>({ ...head, level: 'event', resource, resource_id: resourceId, rows: inHour(rows(theirs, resourceId), hour) }),
  };
  return match({ own, peer, statement: { ...head, level: 'hour', book_hash: '', rows: sums(theirs) }, counterparts: { project: (id) => id, resource: oursOf, flavorOf: () => undefined }, resources: ['server'], toleranceMs, bookHash: '', resolved: new Map(), provider: 'peer' });
}

async function matchAll(ours: readonly Life[], theirs: readonly Life[]): Promise<Matched> {
  const all: Matched = { accepted: [], findings: [] };
  for (let hour = 0; hour < hours; hour++) {
    const { accepted, findings } = await matchHour(ours, theirs, start + hour * hourMs);
    all.accepted.push(...accepted);
    all.findings.push(...findings);
  }
  return all;
}

const total = (lives: readonly Life[]) => lives.reduce((sum, each) => sum + unitMs(rowsOf(each)), 0n);
const billed = ({ accepted }: Matched) => accepted.reduce((sum, row) => sum + BigInt(row.unit_ms), 0n);

test('clocks that are ten minutes apart make no dispute, and all that was there is billed, to the millisecond', async () => {
  await fc.assert(
    fc.asyncProperty(life('a'), life('b'), fc.integer({ min: -toleranceMs, max: toleranceMs }), async (one, other, byMs) => {
      const ours = [one, other];
      const theirs = ours.map((each) => shifted(each, byMs));

      const matched = await matchAll(ours, theirs);

      assert.deepEqual(matched.findings, []);
      assert.equal(billed(matched), total(ours));
    }),
    { numRuns: 150 },
  );
});

test('who claims a thing beyond the tolerance is contradicted by its events, and paid no more than was counted', async () => {
  let disputed = 0;
  await fc.assert(
    fc.asyncProperty(life('a'), life('b'), fc.integer({ min: 2 * toleranceMs, max: 4 * hourMs }), async (one, other, moreMs) => {
      const last = other.stretches.at(-1);
      if (!last) return;
      const theirs = [one, { ...other, stretches: [...other.stretches.slice(0, -1), { ...last, until: last.until + moreMs }] }];

      const matched = await matchAll([one, other], theirs);

      // At most the tolerance for each change that was seen here, in each of the two hours that it may be near to.
      const allowedMs = 2 * toleranceMs * rowsOf(other).filter(({ event }) => event !== null).length;
      if (moreMs > allowedMs) assert.ok(matched.findings.length > 0);
      disputed += Math.min(1, matched.findings.length);
      assert.ok(matched.findings.every(({ ownEvents, resourceId, peerResourceId }) => resourceId === 'b' || peerResourceId === 'b' || ownEvents.length > 0), JSON.stringify(matched.findings, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)));
      assert.ok(billed(matched) <= total([one, other]) + BigInt(allowedMs * last.vcpus));
    }),
    { numRuns: 100 },
  );
  assert.ok(disputed > 50, `only ${disputed} lies were told`);
});

test('what was lost there and made again is two things there and one here, and contradicts nobody', async () => {
  const [begin, lost, end] = [start + 5 * 60_000, start + 20 * 60_000, start + 40 * 60_000];
  const stretch = (id: string, from: number, until: number): Life => ({ id, stretches: [{ from, until, vcpus: 2 }] });
  const theirs = [stretch('first', begin, lost), stretch('second', lost + 60_000, end)];

  const { accepted, findings } = await matchHour([stretch('ours', begin, end)], theirs, start, () => 'ours');

  assert.deepEqual(findings, []);
  assert.deepEqual(accepted.map(({ unit_ms: sum }) => sum), [String(2 * (end - begin - 60_000))]);
});
