import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askLease, leasesOf } from '../federation/leases.ts';
import { startBilling } from './billing.fixture.ts';
import { billingInvariants } from './billing.invariants.ts';
import { budgetTermsFor } from './budget-terms.ts';
import { countBudgets } from './budgets.ts';
import { nanosOf } from './money.ts';

const system = { kind: 'system', reason: 'test' } as const;
const hourly = { name: 'list', currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.1' }] };

test('however many ask at once, no more is lent than the budget has', async (t) => {
  const { operator, open, database } = await startBilling(t);
  const customer = await open(operator, 'c');
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;
  const regions = Array.from({ length: 12 }, (_, index) => `region-${index}`);
  for (const name of regions) await database.transaction(system, (tx) => tx.run`insert into federation.region (name, status, created_at) values (${name}, 'joined', now())`);
  const least = nanosOf('0.15');

  const held = await Promise.all(regions.map((region) => database.transaction(system, (tx) => askLease(tx, region, { kind: 'budget:eur', subject: `${id}.2026-04`, least, wish: least }))));

  assert.equal(held.filter(({ amount }) => amount === least).length, 6);
  assert.equal((await customer.billing.budgets.show({ params: { budget_id: id } })).body.reserved, '0.9');
  for (const { check } of billingInvariants({ database })) assert.deepEqual(await check(), []);
});

test('what was spent before a budget was made is not lent again, and each month has all of it', async (t) => {
  const { operator, open, sell, use, database, parts, clock } = await startBilling(t);
  clock.advance(20 * 3_600_000);
  const customer = await open(operator, 'c');
  await sell(operator, customer, hourly);
  await use({ project: 'c/web', from: '2026-04-01T01:00:00Z', until: '2026-04-01T05:00:00Z' });
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;
  const most = async (month: string) => (await database.transaction(system, (tx) => askLease(tx, 'one', { kind: 'budget:eur', subject: `${id}.${month}`, least: 1n, wish: nanosOf('5') }))).amount;

  assert.deepEqual([await most('2026-04'), await most('2026-05'), await most('2026-06')], [nanosOf('0.6'), nanosOf('1'), 0n]);
  clock.advance(31 * 24 * 3_600_000);
  await countBudgets(parts);
  assert.equal(await most('2026-06'), nanosOf('1'));

  await customer.billing.budgets.delete({ params: { budget_id: id } });
  assert.equal((await database.read(system, (tx) => leasesOf(tx, 'one'))).find(({ subject }) => subject === `${id}.2026-05`)?.limit, 0n);
});

test('a region is told the dearest that a thing can be there, and what a budget pays for', async (t) => {
  const { operator, open, sell, database, clock } = await startBilling(t);
  const reseller = await open(operator, 'r');
  await open(operator, 's');
  const customer = await open(reseller, 'c');
  await database.transaction(system, (tx) => tx.run`insert into identity.project (id, domain_id, name, description, enabled) select d || '/web', d, 'web', '', true from unnest(array['c', 'r', 's']) d`);
  const entries = [
    { id: 'elsewhere', resource: 'server', measure: 'servers', region: 'two', price: '9' },
    { id: 'server', resource: 'server', measure: 'servers', tiers: [{ up_to: '10', price: '0.1' }, { up_to: null, price: '0.3' }] },
    { id: 'stopped', resource: 'server', measure: 'vcpus', states: ['SHUTOFF'], per: 2, price: '0.01' },
  ];
  await sell(operator, reseller, { ...hourly, entries });
  const { id } = (await reseller.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1', stop_loss: true } })).body;
  const own = (await customer.billing.budgets.create({ body: { name: 'web', project_id: 'c/web', currency: 'EUR', amount: '1' } })).body;

  const terms = await database.read(system, (tx) => budgetTermsFor(tx, 'one', clock.now()));

  assert.deepEqual(terms.toSorted((one, other) => other.domains.length - one.domains.length).map(({ prices, ...rest }) => ({ ...rest, prices: prices.map(({ measure, nano, per }) => `${measure} ${nano}/${per}`) })), [
    { id, currency: 'EUR', stop_loss: true, projects: ['c/web', 'r/web'], domains: ['c', 'r'], prices: ['servers 300000000/1', 'vcpus 10000000/2'] },
    { id: own.id, currency: 'EUR', stop_loss: false, projects: ['c/web'], domains: [], prices: [] },
  ]);
});

test('what is used is spent, and each alert is told once a month', async (t) => {
  const { operator, open, sell, use, database, parts, clock } = await startBilling(t);
  clock.advance(20 * 3_600_000);
  const customer = await open(operator, 'c');
  await sell(operator, customer, hourly);
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1', alerts: [50, 100] } })).body;
  await use({ project: 'c/web', from: '2026-04-01T01:00:00Z', until: '2026-04-01T07:00:00Z' });

  await countBudgets(parts);
  await countBudgets(parts);

  const shown = (await customer.billing.budgets.show({ params: { budget_id: id } })).body;
  assert.deepEqual([shown.spent, shown.alerted], ['0.6', 50]);
  const alerts = await database.read(system, (tx) => tx.rows<{ payload: { percent: number } }>`select payload from kit.event where type = 'budget.alert'`);
  assert.deepEqual(alerts.map(({ payload }) => payload.percent), [50]);
});

test('of two counts at once the one that knows less is not written last', async (t) => {
  const { operator, open, sell, use, database, parts, clock } = await startBilling(t);
  clock.advance(20 * 3_600_000);
  const customer = await open(operator, 'c');
  await sell(operator, customer, hourly);
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;
  let early: Promise<void> | undefined;

  await database.transaction(system, async (tx) => {
    await tx.run`select from billing.budget where id = ${id} for update`;
    early = countBudgets(parts);
    const waits = () => database.read(system, (other) => other.one`select from pg_locks where not granted`);
    while ((await waits()) === undefined) await new Promise((resolve) => setImmediate(resolve));
    await use({ project: 'c/web', from: '2026-04-01T01:00:00Z', until: '2026-04-01T05:00:00Z' });
  });
  await early;

  assert.equal((await customer.billing.budgets.show({ params: { budget_id: id } })).body.spent, '0.4');
});

test('a budget of one account is no business of another', async (t) => {
  const { operator, open } = await startBilling(t);
  const [one, other] = [await open(operator, 'c'), await open(operator, 'd')];
  const { id } = (await one.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;

  for (const party of [other, operator]) await assert.rejects(party.billing.budgets.show({ params: { budget_id: id } }), { status: 404 });
});
