import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemRandom } from '../../kit/clock.ts';
import { makeSigningKey, signDocument, signingKeyOf, type Plain, type Signed } from '../../kit/signed.ts';
import { startBilling, type BillingFixture, type Span } from '../billing/billing.fixture.ts';
import { getAgreement, matchedUse, matchHours, stateHours, type HourStatement, type Peer } from './agreements.ts';
import { exchange } from './exchange.ts';
import { askHour, remotePeer } from './peers.ts';

const system = { kind: 'system', reason: 'test' } as const;
const hour = new Date('2026-03-31T20:00:00Z');
const at = (minutes: number) => new Date(hour.getTime() + minutes * 60_000).toISOString();

/** Two clouds with an agreement: the one uses what the other provides, as projects `p<n>` of the domain `us`. */
async function startBoth(t: TestContext, { tolerance = 0, peerOf }: { tolerance?: number; peerOf?: (peer: Peer) => Peer } = {}) {
  const [consumer, provider] = [await startBilling(t), await startBilling(t)];
  const terms = { peer: 'partner', resources: ['server' as const, 'volume' as const], region: 'one', tolerance_seconds: tolerance, late_hours: 24, book_hash: '' };
  const keyOf = ({ key }: BillingFixture) => [{ id: key.id, public_key: key.publicKey }];
  await consumer.operator.metering.agreements.create({ body: { ...terms, id: 'both', role: 'consumer', domain_id: null, keys: keyOf(provider) } });
  await provider.operator.metering.agreements.create({ body: { ...terms, id: 'both', role: 'provider', domain_id: 'us', keys: keyOf(consumer) } });
  // Agreements are about what is used from then on.
  for (const { database } of [consumer, provider]) await database.transaction(system, (tx) => tx.run`update metering.agreement set created_at = ${hour}`);
  const things = ['a', 'b', 'c'];
  await consumer.operator.metering.agreements.setCounterparts({
    params: { agreement_id: 'both' },
    body: { counterparts: [{ kind: 'project', peer_id: 'us/p', own_id: 'customer/q' }, ...things.map((id) => ({ kind: 'resource' as const, peer_id: `their-${id}`, own_id: `our-${id}` }))] },
  });
  const client = provider.manager('us').metering;
  const agreement = () => consumer.database.read(system, (tx) => getAgreement(tx, 'both'));
  return {
    consumer,
    provider,
    client,
    agreement,
    ours: (...spans: Omit<Span, 'project'>[]) => consumer.use(...spans.map((span) => ({ ...span, id: `our-${span.id}`, project: 'customer/q' }))),
    theirs: (...spans: Omit<Span, 'project'>[]) => provider.use(...spans.map((span) => ({ ...span, id: `their-${span.id}`, project: 'us/p' }))),
    /** Both state the hour, the consumer asks for the other's statement. */
    async state() {
      await consumer.database.transaction(system, (tx) => tx.run`insert into metering.region (region, heard_at) values ('one', now()) on conflict do nothing`);
      for (const each of [consumer, provider]) {
        await each.database.transaction(system, (tx) => tx.run`update metering.region set through = '2026-04-01T00:00:00Z'`);
        await stateHours({ database: each.database, clock: each.clock, signing: each.signing });
      }
      return askHour({ client, agreement: await agreement(), clock: consumer.clock }, hour);
    },
    async take(signed: Signed<Plain>) {
      await consumer.operator.metering.statements.take({ params: { agreement_id: 'both', hour: hour.toISOString() }, body: signed as never });
    },
    async match() {
      const known = await agreement();
      const real = (moment: Date, revision: number) => remotePeer({ client, agreement: known, clock: consumer.clock }, moment, revision);
      await matchHours({ database: consumer.database, clock: consumer.clock, random: systemRandom, signing: consumer.signing }, known, (moment, statement) => (peerOf ?? ((peer: Peer) => peer))(real(moment, statement.revision)));
    },
    disputes: async () => (await consumer.operator.metering.disputes.list()).body.disputes,
    async accepted() {
      const { rows } = await consumer.database.read(system, (tx) => matchedUse(tx, 'both', { from: hour, until: new Date(hour.getTime() + 3_600_000) }));
      return Object.fromEntries(rows.map(({ measure, unit_ms: unitMs }) => [measure, Number(unitMs) / 60_000]));
    },
  };
}

const whole = { from: at(0), until: at(60) };

test('two clouds that have counted the same agree, and both bill it', async (t) => {
  const { ours, theirs, state, take, match, disputes, accepted, consumer, client, provider } = await startBoth(t);
  await ours({ id: 'a', ...whole }, { id: 'b', from: at(10), until: at(40) });
  await theirs({ id: 'a', ...whole }, { id: 'b', from: at(10), until: at(40) });

  await take(await state());
  await match();

  assert.deepEqual(await disputes(), []);
  assert.deepEqual(await accepted(), { servers: 90 });
  const signed = await consumer.database.read(system, (tx) => tx.one<{ signed: Signed<Plain> }>`select signed from metering.statement where side = 'accepted'`);
  await client.statements.accept({ params: { agreement_id: 'both', hour: hour.toISOString() }, body: signed!.signed as never });
  const { rows } = await provider.database.read(system, (tx) => matchedUse(tx, 'both', { from: hour, until: new Date(hour.getTime() + 3_600_000) }));
  assert.deepEqual(rows, [{ project: 'us/p', resource: 'server', flavor: 'small', measure: 'servers', unit_ms: '5400000' }]);
  assert.deepEqual((await provider.operator.metering.disputes.list()).body.disputes, []);
});

test('clocks that are ten minutes apart are within the tolerance, and what the provider counts stands', async (t) => {
  const { ours, theirs, state, take, match, disputes, accepted } = await startBoth(t, { tolerance: 900 });
  await ours({ id: 'a', from: at(20), until: at(50) });
  await theirs({ id: 'a', from: at(30), until: at(60) }, { id: 'a', from: at(60), until: at(60) });

  await take(await state());
  await match();

  assert.deepEqual(await disputes(), []);
  assert.deepEqual(await accepted(), { servers: 30 });
});

test('what was deleted here before it was seen to be there may have been there for a moment, and no longer', async (t) => {
  const { ours, theirs, state, take, match, disputes, accepted } = await startBoth(t, { tolerance: 20 });
  await ours({ id: 'a', state: 'BUILD', from: at(10), until: at(11) }, { id: 'b', state: 'BUILD', from: at(10), until: at(11) });
  await theirs({ id: 'a', from: at(10.8), until: at(11.1) }, { id: 'b', from: at(10.8), until: at(41) });

  await take(await state());
  await match();

  assert.deepEqual((await disputes()).map(({ kind, resource_id: id }) => [kind, id]), [['duration', 'our-b']]);
  assert.deepEqual(Object.fromEntries(Object.entries(await accepted()).map(([measure, minutes]) => [measure, Number(minutes.toFixed(1))])), { servers: 0.3 });
});

test('of an hour under way nobody is contradicted about what is too new to be told of here', async (t) => {
  const { theirs, consumer, provider, client, agreement, disputes } = await startBoth(t);
  const parts = { database: consumer.database, clock: consumer.clock, random: systemRandom, signing: consumer.signing };
  await consumer.database.transaction(system, (tx) => tx.run`insert into metering.region (region, heard_at) values ('one', now()) on conflict do nothing`);
  await theirs({ id: 'x', from: '2026-04-01T00:09:30Z', until: '2026-04-01T00:09:40Z' });

  const young = await exchange(parts, await agreement(), client, { soFar: true });
  for (const each of [consumer, provider]) each.clock.advance(60_000);
  const settled = await exchange(parts, await agreement(), client, { soFar: true });

  assert.deepEqual([young.matched, young.failed.map(({ cause }) => (cause as Error).name)], [0, ['Unsettled']]);
  assert.deepEqual([settled.matched, settled.failed], [1, []]);
  assert.deepEqual((await disputes()).map(({ kind, peer_resource_id: id }) => [kind, id]), [['missing-resource', 'their-x']]);
});

test('what has lasted for hours is compared hour by hour, with the change that began it', async (t) => {
  const { ours, theirs, state, take, match, disputes } = await startBoth(t);
  const before = new Date(hour.getTime() - 2 * 3_600_000).toISOString();
  await ours({ id: 'a', from: before, until: at(30) });
  await theirs({ id: 'a', from: before, until: at(60) });

  await take(await state());
  await match();

  assert.deepEqual((await disputes()).map(({ kind, own_events: own, peer_events: peer }) => [kind, own.length, peer.length]), [['duration', 1, 1]]);
});

for (const { title, ours, theirs, kind, ownEvents, peerEvents, billed } of [
  { title: 'a thing that is not there', ours: [], theirs: [{ id: 'x', ...whole }], kind: 'missing-resource', ownEvents: 0, peerEvents: 1, billed: {} },
  { title: 'a thing for longer than it was there', ours: [{ id: 'a', from: at(0), until: at(10) }], theirs: [{ id: 'a', ...whole }], kind: 'duration', ownEvents: 1, peerEvents: 1, billed: { servers: 10 } },
  { title: 'more of a thing than it has', ours: [{ id: 'a', measures: { vcpus: 1 }, ...whole }], theirs: [{ id: 'a', measures: { vcpus: 8 }, ...whole }], kind: 'quantity', ownEvents: 1, peerEvents: 1, billed: { vcpus: 60 } },
] as const)
  test(`whoever bills ${title} is contradicted by the very events`, async (t) => {
    const both = await startBoth(t);
    await both.ours({ id: 'b', from: at(1), until: at(2) }, ...ours);
    await both.theirs({ id: 'b', from: at(1), until: at(2) }, ...theirs);

    await both.take(await both.state());
    await both.match();

    const disputes = await both.disputes();
    assert.deepEqual(disputes.map((each) => [each.kind, each.own_events.length, each.peer_events.length]), [[kind, ownEvents, peerEvents]]);
    const accepted = await both.accepted();
    assert.deepEqual(accepted, { ...billed, servers: ((billed as { servers?: number }).servers ?? 0) + 1 });
    const resolved = (await both.consumer.operator.metering.disputes.resolve({ params: { dispute_id: disputes[0]!.id }, body: { in_favour: 'own' } })).body;
    assert.equal(resolved.status, 'resolved');
    await both.match();
    assert.deepEqual((await both.disputes()).map(({ status }) => status), ['resolved']);
    assert.deepEqual(await both.accepted(), accepted);
  });

test('a dispute that is decided for the peer is billed as the peer has counted', async (t) => {
  const { ours, theirs, state, take, match, disputes, accepted, consumer } = await startBoth(t);
  await ours({ id: 'a', from: at(0), until: at(10) });
  await theirs({ id: 'a', ...whole });
  await take(await state());
  await match();
  const [dispute] = await disputes();

  await consumer.operator.metering.disputes.resolve({ params: { dispute_id: dispute!.id }, body: { in_favour: 'peer' } });
  await match();

  assert.deepEqual(await accepted(), { servers: 60 });
});

test('a project that is none of ours is not billed', async (t) => {
  const { state, take, match, disputes, accepted, provider } = await startBoth(t);
  await provider.use({ project: 'us/unknown', id: 'z', ...whole });

  await take(await state());
  await match();

  assert.deepEqual((await disputes()).map(({ kind, accused }) => [kind, accused]), [['unknown-project', null]]);
  assert.deepEqual(await accepted(), {});
});

test('who signs a sum that his own things do not add up to is named', async (t) => {
  const inflate = (peer: Peer): Peer => ({ ...peer, resources: async (ask) => ({ ...(await peer.resources(ask)), rows: [] }) });
  const { ours, theirs, state, take, match, disputes, accepted } = await startBoth(t, { peerOf: inflate });
  await ours({ id: 'a', from: at(0), until: at(10) });
  await theirs({ id: 'a', ...whole });

  await take(await state());
  await match();

  assert.deepEqual((await disputes()).filter(({ kind }) => kind === 'contradiction').map(({ accused }) => accused), ['partner']);
  assert.ok(((await accepted())['servers'] ?? 0) <= 10);
});

test('what both have agreed on is settled to the cent in the ledgers of both, once', async (t) => {
  const { ours, theirs, state, take, match, consumer, provider, client } = await startBoth(t);
  await ours({ id: 'a', from: at(0), until: at(30) });
  await theirs({ id: 'a', ...whole });
  await take(await state());
  await match();
  const signed = await consumer.database.read(system, (tx) => tx.one<{ signed: Signed<Plain> }>`select signed from metering.statement where side = 'accepted'`);
  await client.statements.accept({ params: { agreement_id: 'both', hour: hour.toISOString() }, body: signed!.signed as never });
  const book = { name: 'wholesale', currency: 'EUR', entries: [{ id: 'server', resource: 'server', measure: 'servers', price: '0.5' }] };
  const period = { from: hour.toISOString(), until: new Date(hour.getTime() + 3_600_000).toISOString() };
  const supplier = (await consumer.operator.billing.accounts.create({ body: { name: 'partner', kind: 'supplier', regions: ['one'] } })).body.id;
  const bought = (await consumer.operator.billing.books.create({ body: { ...book, account_id: supplier } as never })).body;
  await consumer.operator.billing.accounts.setBook({ params: { account_id: supplier }, body: { book_id: bought.id, from: period.from } });
  const customer = await provider.open(provider.operator, 'us');
  await provider.sell(provider.operator, customer, book);
  const wish = { agreement_id: 'both', ...period };
  // The provider has invoiced all that he counted before it was compared.
  const draft = (await provider.operator.billing.invoices.create({ body: { account_id: customer.accountId, ...period } })).body;
  await provider.operator.billing.invoices.issue({ params: { invoice_id: draft.id } });

  const settled = [(await consumer.operator.billing.ledger.settle({ body: { ...wish, account_id: supplier } })).body, (await provider.operator.billing.ledger.settle({ body: { ...wish, account_id: customer.accountId } })).body];
  const again = (await provider.operator.billing.ledger.settle({ body: { ...wish, account_id: customer.accountId } })).body;

  assert.deepEqual(settled.map(({ agreed, invoiced, booked, open_disputes: open }) => [agreed, invoiced, booked, open]), [['0.25', '0', '0.25', 1], ['0.25', '0.5', '-0.25', 1]]);
  assert.equal(again.booked, '0');
  const balanceOf = async (each: BillingFixture, name: string) => (await each.operator.billing.ledger.balances()).body.balances.find(({ ledger }) => ledger === name)?.balance;
  assert.deepEqual([await balanceOf(consumer, 'payable'), await balanceOf(provider, 'receivable')], ['-0.25', '0.25']);
});

test('a consumer asks, compares and accepts by itself, and tells again what was lost on the way', async (t) => {
  const { ours, theirs, state, consumer, provider, client, agreement, disputes } = await startBoth(t);
  await ours({ id: 'a', ...whole });
  await theirs({ id: 'a', ...whole });
  await state();
  const parts = { database: consumer.database, clock: consumer.clock, random: systemRandom, signing: consumer.signing };
  const lossy = { ...client, statements: { ...client.statements, accept: () => Promise.reject(new Error('the connection broke')) } } as unknown as typeof client;

  await assert.rejects(agreement().then((known) => exchange(parts, known, lossy)), /broke/);
  const second = await exchange(parts, await agreement(), client);
  const third = await exchange(parts, await agreement(), client);

  // The hours from the beginning of the agreement on; in the others nothing was used.
  assert.deepEqual([second, third], [{ asked: 0, matched: 0, failed: [], told: 4 }, { asked: 0, matched: 0, failed: [], told: 0 }]);
  assert.deepEqual(await disputes(), []);
  const { rows } = await provider.database.read(system, (tx) => matchedUse(tx, 'both', { from: hour, until: new Date(hour.getTime() + 3_600_000) }));
  assert.deepEqual(rows.map(({ unit_ms: unitMs }) => unitMs), ['3600000']);
});

test('a forged, a replayed and a second statement get nowhere, and who signs twice is named', async (t) => {
  const { ours, theirs, state, take, match, disputes, accepted, provider } = await startBoth(t);
  await ours({ id: 'a', ...whole });
  await theirs({ id: 'a', ...whole });
  const good = await state();
  const document = good.document as unknown as HourStatement;
  const sign = (changed: Partial<HourStatement>, key = provider.signing()) => key.then((each) => signDocument({ ...document, ...changed } as unknown as Plain, each, { issuedAt: new Date(good.issuedAt), expiresAt: new Date(good.expiresAt) }));
  const twice = { rows: [{ ...document.rows[0]!, unit_ms: '7200000' }] };
  const stranger = Promise.resolve(signingKeyOf(makeSigningKey(systemRandom)));

  await assert.rejects(take({ ...good, document: { ...document, ...twice } as unknown as Plain }), { status: 403 });
  await assert.rejects(sign(twice, stranger).then(take), { status: 403 });
  await take(await sign({ revision: 2 }));
  await assert.rejects(take(good), { status: 409 });
  await take(await sign({ revision: 2, ...twice }));
  await match();

  assert.deepEqual((await disputes()).map(({ kind, accused }) => [kind, accused]), [['contradiction', 'partner']]);
  assert.deepEqual(await accepted(), { servers: 60 });
});

test('a statement that comes too late is said to be late', async (t) => {
  const { ours, theirs, state, take, disputes, consumer } = await startBoth(t);
  await ours({ id: 'a', ...whole });
  await theirs({ id: 'a', ...whole });
  const signed = await state();
  consumer.clock.advance(30 * 3_600_000);

  await take(signed);

  assert.deepEqual((await disputes()).map(({ kind }) => kind), ['late']);
});

test('what was counted is shown to the peer it is about, and to nobody else', async (t) => {
  const { theirs, state, provider } = await startBoth(t);
  await theirs({ id: 'a', ...whole });
  await state();

  await assert.rejects(provider.manager('others').metering.statements.show({ params: { agreement_id: 'both', hour: hour.toISOString() } }), { status: 404 });
});
