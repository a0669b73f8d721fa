import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dividedHalfEven, moneyOf, nanosOf, toCoins } from './money.ts';
import { rate, withMargin, type BookEntry, type Used } from './rating.ts';

const hour = 3_600_000;
const server = (more: Partial<Used> = {}): Used => ({ region: 'one', projectId: 'p', resource: 'server', flavor: 'small', state: 'ACTIVE', measures: { servers: 1, memoryMiB: 2048 }, durationMs: hour, ...more });
const costs = (used: Used[], entries: BookEntry[]) => rate(used, entries).map(({ entry, costNano }) => [entry, moneyOf(costNano)]);

test('a price is for an hour of so many units', () => {
  assert.deepEqual(costs([server()], [{ id: 'memory', resource: 'server', measure: 'memoryMiB', per: 1024, price: '0.005' }]), [['memory', '0.01']]);
});

test('the first entry that fits a measure is taken, and what none fits costs nothing', () => {
  const entries: BookEntry[] = [
    { id: 'small', resource: 'server', measure: 'servers', flavor: 'small', price: '1' },
    { id: 'abroad', resource: 'server', measure: 'servers', region: 'two', price: '2' },
    { id: 'any', resource: 'server', measure: 'servers', price: '3' },
  ];

  assert.deepEqual(costs([server(), server({ flavor: 'large', region: 'two' }), server({ flavor: 'large' }), server({ resource: 'volume', measures: { GiB: 1 } })], entries), [['any', '3'], ['small', '1'], ['abroad', '2']]);
});

test('what is being built or has failed costs nothing, unless the book says so', () => {
  const used = [server({ state: 'BUILD' }), server({ state: 'ERROR' }), server({ state: 'SHUTOFF' })];

  assert.deepEqual(costs(used, [{ id: 'a', resource: 'server', measure: 'servers', price: '1' }]), [['a', '1']]);
  assert.deepEqual(costs(used, [{ id: 'a', resource: 'server', measure: 'servers', states: ['ERROR'], price: '7' }]), [['a', '7']]);
});

test('what is included is free, and then each tier has its price', () => {
  const entries: BookEntry[] = [{ id: 'a', resource: 'server', measure: 'servers', included: '2', tiers: [{ up_to: '3', price: '10' }, { up_to: null, price: '1' }] }];

  for (const [hours, cost] of [[1, '0'], [2, '0'], [4, '20'], [5, '30'], [9, '34']] as const) assert.deepEqual(costs([server({ durationMs: hours * hour })], entries), [['a', cost]], `${hours} hours`);
});

test('halves are rounded to the even coin', () => {
  assert.deepEqual([5n, 15n, 25n, -5n, -15n].map((each) => dividedHalfEven(each, 10n)), [0n, 2n, 2n, 0n, -2n]);
  assert.equal(moneyOf(toCoins(nanosOf('0.125'), 2), 2), '0.12');
  assert.equal(moneyOf(toCoins(nanosOf('-0.135'), 2), 2), '-0.14');
});

test('an amount of money reads as it is written', () => {
  fc.assert(fc.property(fc.bigInt({ min: -(10n ** 24n), max: 10n ** 24n }), (nanos) => assert.equal(nanosOf(moneyOf(nanos)), nanos)));
});

test('a margin is put on every price', () => {
  const raised = withMargin([{ id: 'a', resource: 'server', measure: 'servers', price: '0.000000001' }, { id: 'b', resource: 'server', measure: 'servers', tiers: [{ up_to: null, price: '2' }] }], '12.5');

  assert.deepEqual(raised.map(({ price, tiers }) => price ?? tiers?.[0]?.price), ['0.000000001', '2.25']);
});

const usage = fc.array(
  fc.record({
    region: fc.constantFrom('one', 'two'),
    projectId: fc.constantFrom('p', 'q', 'r'),
    resource: fc.constantFrom('server', 'volume'),
    flavor: fc.constantFrom('', 'small', 'large'),
    state: fc.constantFrom('ACTIVE', 'SHUTOFF', 'BUILD'),
    measures: fc.record({ servers: fc.constant(1), GiB: fc.integer({ min: 0, max: 1_000 }) }),
    durationMs: fc.integer({ min: 0, max: hour }),
  }),
  { maxLength: 60 },
);
const book: BookEntry[] = [
  { id: 'small', resource: 'server', measure: 'servers', flavor: 'small', price: '0.123456789' },
  { id: 'server', resource: 'server', measure: 'servers', included: '1', tiers: [{ up_to: '5', price: '0.07' }, { up_to: null, price: '0.033333333' }] },
  { id: 'disk', resource: 'volume', measure: 'GiB', per: 7, price: '0.000000013' },
];

test('lines are the same in whatever order the use comes, and in whatever pieces', () => {
  fc.assert(
    fc.property(usage, fc.nat(), (used, cut) => {
      const pieces = used.flatMap((each) => {
        const part = each.durationMs === 0 ? 0 : cut % each.durationMs;
        return [{ ...each, durationMs: part }, { ...each, durationMs: each.durationMs - part }];
      });
      const lines = (list: Used[]) => rate(list, book).filter(({ unitMs }) => unitMs !== 0n);
      assert.deepEqual(lines(pieces.toReversed()), lines(used));
    }),
  );
});

test('the lines of a price add up to what the whole use of it costs, to the billionth', () => {
  fc.assert(
    fc.property(usage, (used) => {
      for (const { id } of book) {
        const lines = rate(used, book).filter(({ entry }) => entry === id);
        const unitMs = lines.reduce((sum, line) => sum + line.unitMs, 0n);
        const [entry] = book.filter((each) => each.id === id);
        const measure = entry!.measure;
        const [whole] = rate([{ region: 'one', projectId: 'p', resource: entry!.resource, flavor: entry!.flavor ?? 'other', state: 'ACTIVE', measures: { [measure]: 1 }, durationMs: unitMs }], [entry!]);
        assert.equal(lines.reduce((sum, { costNano }) => sum + costNano, 0n), whole?.costNano ?? 0n);
      }
    }),
  );
});
