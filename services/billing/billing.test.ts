import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBilling, type Party } from './billing.fixture.ts';
import { focusColumns } from './focus.ts';

const march = { from: '2026-03-01T00:00:00Z', until: '2026-04-01T00:00:00Z' };
const simple = { name: 'list', currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.10' }] };
const status = (expected: number) => (error: unknown) => (error as { status?: number }).status === expected;

async function invoice(seller: Party, buyer: Party, period = march) {
  const { body: draft } = await seller.billing.invoices.create({ body: { account_id: buyer.accountId, ...period } });
  return (await seller.billing.invoices.issue({ params: { invoice_id: draft.id } })).body;
}

test('what a customer used in a month is on his invoice, in both ledgers, and can be computed again', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  await use({ project: 'c/web', from: '2026-03-10T10:30:00Z', until: '2026-03-10T13:00:00Z' }, { project: 'c/web', from: '2026-02-27T10:00:00Z', until: '2026-02-27T11:00:00Z' }, { project: 'other/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T11:00:00Z' });

  const issued = await invoice(operator, customer);

  assert.deepEqual([issued.number, issued.total, issued.currency, issued.lines.map(({ project_id: project, unit_ms: unitMs, amount }) => [project, unitMs, amount])], ['000001', '0.25', 'EUR', [['c/web', '9000000', '0.25']]]);
  assert.deepEqual((await customer.billing.invoices.replay({ params: { invoice_id: issued.id } })).body, { identical: true, records: 3, differences: [] });
  assert.deepEqual((await customer.billing.ledger.balances()).body.balances.map(({ ledger, balance }) => [ledger, balance]), [['cost', '0.25'], ['payable', '-0.25']]);
  assert.deepEqual((await operator.billing.ledger.balances()).body.balances.map(({ ledger, balance }) => [ledger, balance]), [['receivable', '0.25'], ['revenue', '-0.25']]);
});

test('each tier pays by the book of the one above it, to any depth, and its margin is what is left', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const partner = await open(operator, 'partner');
  await sell(operator, partner, simple);
  const reseller = await open(partner, 'reseller');
  await sell(partner, reseller, { name: 'for resellers', margin: '20' });
  const customer = await open(reseller, 'customer');
  await sell(reseller, customer, { name: 'retail', margin: '50' });
  await use({ project: 'customer/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' }, { project: 'reseller/own', from: '2026-03-10T10:00:00Z', until: '2026-03-10T15:00:00Z' });

  const totals = [await invoice(operator, partner), await invoice(partner, reseller), await invoice(reseller, customer)].map(({ total }) => total);

  assert.deepEqual(totals, ['1.50', '1.80', '1.80']);
  const margin = (await reseller.billing.ledger.balances()).body.balances.filter(({ ledger }) => ledger === 'cost' || ledger === 'revenue').map(({ ledger, balance }) => [ledger, balance]);
  assert.deepEqual(margin, [['cost', '1.8'], ['revenue', '-1.8']]);
});

test('each tier sees its own two edges and nothing else', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const partners = [await open(operator, 'a'), await open(operator, 'b')];
  const chains: Party[][] = [];
  const books = new Map<Party, string>();
  const invoices = new Map<Party, string>();
  for (const partner of partners) {
    books.set(partner, await sell(operator, partner, simple));
    const reseller = await open(partner, `${partner === partners[0] ? 'a' : 'b'}r`);
    books.set(reseller, await sell(partner, reseller, { name: 'r', margin: '10' }));
    const customer = await open(reseller, `${partner === partners[0] ? 'a' : 'b'}c`);
    books.set(customer, await sell(reseller, customer, { name: 'c', margin: '10' }));
    chains.push([partner, reseller, customer]);
  }
  await use(...['ac', 'bc'].map((domain) => ({ project: `${domain}/web`, from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' })));
  for (const chain of chains) {
    let above = operator;
    for (const below of chain) {
      invoices.set(below, (await invoice(above, below)).id);
      above = below;
    }
  }
  const everybody = [operator, ...chains.flat()];
  const aboveOf = (party: Party) => chains.map((chain) => [operator, ...chain][chain.indexOf(party)]).find((_, index) => chains[index]!.includes(party));
  let [seen, hidden] = [0, 0];

  for (const asker of everybody)
    for (const party of chains.flat()) {
      const isEdge = asker === party || aboveOf(party) === asker;
      const answers: [string, () => Promise<unknown>, boolean][] = [
        ['the account', () => asker.billing.accounts.show({ params: { account_id: party.accountId } }), isEdge],
        ['the invoice', () => asker.billing.invoices.show({ params: { invoice_id: invoices.get(party)! } }), isEdge],
        ['its paper', () => asker.billing.invoices.pdf({ params: { invoice_id: invoices.get(party)! } }), isEdge],
        ['its things', () => asker.billing.invoices.focus({ params: { invoice_id: invoices.get(party)! } }), isEdge],
        ['its replay', () => asker.billing.invoices.replay({ params: { invoice_id: invoices.get(party)! } }), isEdge],
        ['the book', () => asker.billing.books.show({ params: { book_id: books.get(party)! } }), isEdge],
        ['a draft', () => asker.billing.invoices.create({ body: { account_id: party.accountId, from: '2026-02-01T00:00:00Z', until: '2026-02-02T00:00:00Z' } }), isEdge && asker !== party],
      ];
      for (const [what, ask, may] of answers) {
        if (may) {
          seen += 1;
          if (what !== 'a draft') await ask();
          continue;
        }
        hidden += 1;
        await assert.rejects(ask(), (error) => [404, 400].includes((error as { status: number }).status) && (asker === party || (error as { status: number }).status === 404), `${everybody.indexOf(asker)} asks for ${what} of ${everybody.indexOf(party)}`);
      }
    }
  for (const asker of chains.flat()) {
    const { accounts } = (await asker.billing.accounts.list()).body;
    const own = chains.find((chain) => chain.includes(asker))!;
    assert.deepEqual(accounts.map(({ id }) => id), own.slice(own.indexOf(asker), own.indexOf(asker) + 2).map(({ accountId }) => accountId));
    const { books: visible } = (await asker.billing.books.list()).body;
    for (const book of visible) assert.ok(!JSON.stringify(book).includes('margin') && !JSON.stringify(book).includes('derived'));
  }
  assert.ok(seen > 60 && hidden > 100, `${seen} were seen and ${hidden} hidden`);
});

test('who manages no domain of an account has no bills, and a member none at all', async (t) => {
  const { manager } = await startBilling(t);

  await assert.rejects(manager('unknown').billing.accounts.list(), status(403));
});

test('what is told after a month was invoiced makes a correction of just that', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  await use({ project: 'c/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' });
  const first = await invoice(operator, customer);
  await assert.rejects(invoice(operator, customer), status(409));
  await use({ project: 'c/web', from: '2026-03-10T20:00:00Z', until: '2026-03-10T21:30:00Z' });

  const second = await invoice(operator, customer);

  assert.deepEqual([first.total, second.correction, second.total, second.number], ['1.00', true, '0.15', '000002']);
  for (const { id } of [first, second]) assert.equal((await operator.billing.invoices.replay({ params: { invoice_id: id } })).body.identical, true);
  assert.equal((await customer.billing.ledger.balances()).body.balances.find(({ ledger }) => ledger === 'payable')?.balance, '-1.15');
});

test('an hour that is under way is invoiced as far as it was told, if that is asked for, and the rest in a correction', async (t) => {
  const { operator, open, sell, use, clock } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  const hours = { from: '2026-03-31T23:00:00Z', until: '2026-04-01T01:00:00Z' };
  const soFar = { ...hours, so_far: true };
  await use({ project: 'c/web', from: '2026-03-31T23:30:00Z', until: '2026-04-01T00:06:00Z' });
  await assert.rejects(invoice(operator, customer, hours), status(400));
  await assert.rejects(invoice(operator, customer, { ...soFar, until: '2026-04-01T02:00:00Z' }), status(400));

  const first = await invoice(operator, customer, soFar);
  clock.advance(3_600_000);
  await use({ project: 'c/web', from: '2026-04-01T00:06:00Z', until: '2026-04-01T00:30:00Z' });
  const second = await invoice(operator, customer, hours);

  assert.deepEqual([first.total, first.correction, second.total, second.correction], ['0.06', false, '0.04', true]);
  for (const { id } of [first, second]) assert.equal((await operator.billing.invoices.replay({ params: { invoice_id: id } })).body.identical, true);
});

test('what one invoice loses in rounding the next one has', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, { ...simple, entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.003' }] });
  const totals: string[] = [];
  for (const day of ['01', '02', '03', '04', '05', '06']) {
    await use({ project: 'c/web', from: `2026-03-${day}T10:00:00Z`, until: `2026-03-${day}T11:00:00Z` });
    totals.push((await invoice(operator, customer, { from: `2026-03-${day}T00:00:00Z`, until: `2026-03-${day}T23:00:00Z` })).total);
  }

  assert.deepEqual(totals, ['0.00', '0.01', '0.00', '0.00', '0.00', '0.01']);
});

test('an issued invoice and its lines, a book and a ledger cannot be changed, not even by SQL', async (t) => {
  const { operator, open, sell, use, database } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  await use({ project: 'c/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' });
  await invoice(operator, customer);

  for (const statement of [
    'update billing.invoice set total_nano = 0',
    'delete from billing.invoice',
    'update billing.invoice_line set amount_nano = 0',
    'delete from billing.invoice_line',
    "update billing.book set entries = '[]'",
    'update billing.booking_entry set amount_nano = 0',
    'delete from billing.booking',
    "insert into billing.booking_entry select id, 9, 'cash', account_id, 'EUR', 1 from billing.booking",
  ])
    await assert.rejects(database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.script(statement)), Error, statement);
});

test('a month is not invoiced before every region has told all of it', async (t) => {
  const { operator, open, sell, use, database } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  await use({ project: 'c/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' });
  await database.transaction({ kind: 'system', reason: 'test' }, (tx) => tx.run`update metering.region set through = '2026-03-31T23:00:00Z'`);

  await assert.rejects(invoice(operator, customer), (error) => status(409)(error) && String(error).includes('usage-incomplete'));
});

test('a book is for good, and its next version is another', async (t) => {
  const { operator } = await startBilling(t);

  const [one, two] = [(await operator.billing.books.create({ body: simple as never })).body, (await operator.billing.books.create({ body: simple as never })).body];

  assert.deepEqual([one.version, two.version, one.hash === two.hash], [1, 2, false]);
});

test('FOCUS has every column, and its rows add up to the invoice', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, { ...simple, entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.1' }, { id: 'gib', resource: 'volume', measure: 'GiB', tiers: [{ up_to: '20', price: '0.0333' }, { up_to: null, price: '0.01' }] }] });
  await use(
    { project: 'c/web', id: 's1', from: '2026-03-10T10:00:00Z', until: '2026-03-10T10:20:00Z' },
    { project: 'c/web', id: 's2', from: '2026-03-10T10:00:00Z', until: '2026-03-10T10:20:01Z' },
    { project: 'c/web', id: 's3', from: '2026-03-10T10:00:00Z', until: '2026-03-10T10:20:02Z' },
    { project: 'c/web', id: 'v1', resource: 'volume', flavor: '', measures: { GiB: 7 }, state: 'in-use', from: '2026-03-10T10:00:00Z', until: '2026-03-10T15:20:02Z' },
  );
  const { id, total } = await invoice(operator, customer);

  const csv = String((await customer.billing.invoices.focus({ params: { invoice_id: id } })).body);

  const [head = '', ...rows] = csv.trimEnd().split('\r\n').map((line) => line.split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/));
  assert.deepEqual(head, [...focusColumns]);
  const column = (name: (typeof focusColumns)[number]) => rows.map((row) => row[focusColumns.indexOf(name)]!);
  assert.deepEqual(column('ResourceId').toSorted(), ['s1', 's2', 's3', 'v1']);
  assert.equal((column('BilledCost').reduce((sum, each) => sum + Math.round(Number(each) * 1e9), 0) / 1e9).toFixed(2), total);
  for (const name of ['BilledCost', 'EffectiveCost', 'ListCost', 'ContractedCost', 'BillingAccountId', 'BillingCurrency', 'BillingPeriodStart', 'BillingPeriodEnd', 'ChargeCategory', 'ChargePeriodStart', 'ChargePeriodEnd', 'InvoiceIssuerName', 'ProviderName', 'PublisherName', 'ServiceCategory', 'ServiceName', 'PricingQuantity', 'PricingUnit'] as const)
    assert.ok(column(name).every((value) => value !== ''), name);
});

test('an issued invoice is given out on paper', async (t) => {
  const { operator, open, sell, use } = await startBilling(t);
  const customer = await open(operator, 'c');
  await sell(operator, customer, simple);
  await use({ project: 'c/web', from: '2026-03-10T10:00:00Z', until: '2026-03-10T20:00:00Z' });
  const { id } = await invoice(operator, customer);

  const { headers, body } = await customer.billing.invoices.pdf({ params: { invoice_id: id } });

  assert.equal(headers.get('content-type'), 'application/pdf');
  assert.match(String(body), /^%PDF-1\.[\s\S]*%%EOF\s*$/);
});
