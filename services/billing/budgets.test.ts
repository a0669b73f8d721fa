import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBilling } from './billing.fixture.ts';
import { billingInvariants } from './billing.invariants.ts';
import { claimBudget, countBudgets, OverBudget, releaseBudget, type BudgetClaim } from './budgets.ts';
import { nanosOf } from './money.ts';

const system = { kind: 'system', reason: 'test' } as const;
const claim = (holder: string, amount: string, more: Partial<BudgetClaim> = {}): BudgetClaim => ({ projectId: 'c/web', domainId: 'c', holder, amountNano: nanosOf(amount), currency: 'EUR', expiresAt: new Date('2026-05-01T00:00:00Z'), ...more });

test('however many claim at once, no more is promised than the budget has', async (t) => {
  const { operator, open, database } = await startBilling(t);
  const customer = await open(operator, 'c');
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;
  const project = (await customer.billing.budgets.create({ body: { name: 'web', project_id: 'c/web', currency: 'EUR', amount: '0.65' } })).body;

  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => database.transaction(system, (tx) => claimBudget(tx, claim(`holder ${index}`, '0.1')))));

  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 6);
  assert.ok(outcomes.every((each) => each.status === 'fulfilled' || each.reason instanceof OverBudget));
  assert.deepEqual([(await customer.billing.budgets.show({ params: { budget_id: id } })).body.reserved, (await customer.billing.budgets.show({ params: { budget_id: project.id } })).body.reserved], ['0.6', '0.6']);
  for (const { check } of billingInvariants({ database })) assert.deepEqual(await check(), []);
});

test('a claim takes the place of the one before, and what is released or has expired can be promised again', async (t) => {
  const { operator, open, database, clock, parts } = await startBilling(t);
  const customer = await open(operator, 'c');
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;
  const run = (wanted: BudgetClaim) => database.transaction(system, (tx) => claimBudget(tx, wanted));

  await run(claim('one', '0.8'));
  await run(claim('one', '0.9'));
  await assert.rejects(run(claim('two', '0.2')), OverBudget);
  await assert.rejects(customer.billing.budgets.delete({ params: { budget_id: id } }), { status: 409 });
  await database.transaction(system, (tx) => releaseBudget(tx, 'one'));
  await run(claim('two', '1', { expiresAt: new Date(clock.now().getTime() + 60_000) }));
  clock.advance(61_000);
  await countBudgets(parts);
  await run(claim('three', '1'));

  assert.equal((await customer.billing.budgets.show({ params: { budget_id: id } })).body.reserved, '1');
});

test('what is used is spent, each alert is told once a month, and what is spent cannot be promised', async (t) => {
  const { operator, open, sell, use, database, parts, clock } = await startBilling(t);
  clock.advance(20 * 3_600_000);
  const customer = await open(operator, 'c');
  await sell(operator, customer, { name: 'list', currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.1' }] });
  const { id } = (await customer.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1', alerts: [50, 100] } })).body;
  await use({ project: 'c/web', from: '2026-04-01T01:00:00Z', until: '2026-04-01T07:00:00Z' });

  await countBudgets(parts);
  await countBudgets(parts);

  const shown = (await customer.billing.budgets.show({ params: { budget_id: id } })).body;
  assert.deepEqual([shown.spent, shown.alerted], ['0.6', 50]);
  const alerts = await database.read(system, (tx) => tx.rows<{ payload: { percent: number } }>`select payload from kit.event where type = 'budget.alert'`);
  assert.deepEqual(alerts.map(({ payload }) => payload.percent), [50]);
  await assert.rejects(database.transaction(system, (tx) => claimBudget(tx, claim('one', '0.5'))), OverBudget);
});

test('a budget of one account is no business of another', async (t) => {
  const { operator, open } = await startBilling(t);
  const [one, other] = [await open(operator, 'c'), await open(operator, 'd')];
  const { id } = (await one.billing.budgets.create({ body: { name: 'all', currency: 'EUR', amount: '1' } })).body;

  for (const party of [other, operator]) await assert.rejects(party.billing.budgets.show({ params: { budget_id: id } }), { status: 404 });
});
