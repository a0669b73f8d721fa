/** What two clouds of a test think of an hour: compared, disputed, priced, settled; and how the one of them lies. */
import { compute } from '../contract/compute/service.ts';
import { billing } from '../contract/intercloud/billing.ts';
import { nameThere, type TwoClouds } from './two-clouds.ts';

const hourMs = 3_600_000;
const machine = { id: 'machine', resource: 'server', measure: 'servers' } as const;

/** How far an hour has come, and what is not agreed on. */
export async function compared({ ours, agreementId }: TwoClouds, hour: Date) {
  const params = { agreement_id: agreementId };
  const { agreements, statements, disputes } = ours.admin.metering;
  const { asked } = (await agreements.show({ params })).body;
  const [state] = (await statements.list({ params, query: { from: hour.toISOString(), until: new Date(hour.getTime() + hourMs).toISOString() } })).body.hours;
  const all = (await disputes.list()).body.disputes.filter((each) => each.hour === hour.toISOString());
  return { failure: asked?.failure ?? null, matched: state?.matched_at != null, told: state?.told === true, disputes: all };
}

/** Books on both sides, each in the names that flavors have there. */
export async function openBooks({ ours, theirs, domainId }: TwoClouds): Promise<{ here: string; there: string }> {
  const open = async (cloud: TwoClouds['ours'], account: { name: string; kind?: 'supplier'; regions?: string[] }) => (await cloud.admin.client(billing).accounts.create({ body: account })).body.id;
  const sell = async (cloud: TwoClouds['ours'], account_id: string, book: { account_id?: string; flavor: string }) => {
    const { books, accounts } = cloud.admin.client(billing);
    const { id } = (await books.create({ body: { name: 'machines', currency: 'EUR', ...(book.account_id === undefined ? {} : { account_id: book.account_id }), entries: [{ ...machine, flavor: book.flavor, price: '1.23456789' }] } })).body;
    await accounts.setBook({ params: { account_id }, body: { book_id: id } });
  };
  const [here, there] = [await open(ours, { name: 'them', kind: 'supplier', regions: ['partner'] }), await open(theirs, { name: 'us' })];
  await theirs.admin.client(billing).accounts.addDomain({ params: { account_id: there, domain_id: domainId } });
  const [flavor] = (await ours.alice.client(compute, 'http://partner.example').flavors.detail()).body.flavors;
  await sell(ours, here, { account_id: here, flavor: flavor!.name });
  await sell(theirs, there, { flavor: nameThere(flavor!.name) });
  return { here, there };
}

/** What both book for an hour. */
export async function settled({ ours, theirs, agreementId }: TwoClouds, accounts: { here: string; there: string }, hour: Date): Promise<{ here: string; there: string }> {
  const period = { agreement_id: agreementId, from: hour.toISOString(), until: new Date(hour.getTime() + hourMs).toISOString() };
  const at = async (cloud: TwoClouds['ours'], account_id: string) => (await cloud.admin.client(billing).ledger.settle({ body: { ...period, account_id } })).body.agreed;
  return { here: await at(ours, accounts.here), there: await at(theirs, accounts.there) };
}

/** The owner writes into his own meter that the machine was there six times over. */
export async function lie({ theirs }: TwoClouds, hour: Date, { id, project }: { id: string; project: string }): Promise<void> {
  const { usage } = theirs.admin.metering;
  const { records } = (await usage.records({ query: { project_id: project, resource_id: id, from: new Date(hour.getTime() - hourMs).toISOString(), limit: 100 } })).body;
  const active = records.find(({ previous, from, until }) => previous === 'ACTIVE' && until > from && from.slice(0, 13) === hour.toISOString().slice(0, 13))!;
  const { next } = (await usage.next({ params: { region: 'RegionOne' } })).body;
  const more = Array.from({ length: 5 }, () => ({ resource_id: id, project_id: project, shape: 0, previous: 'ACTIVE', current: 'ACTIVE', from: active.from, until: active.until, event: null }));
  await usage.put({ params: { region: 'RegionOne' }, body: { first: next, through: null, shapes: [{ resource: 'server', flavor: active.flavor, measures: active.measures }], records: more } });
  const { database } = theirs.cloud.region;
  await database.transaction({ kind: 'system', reason: 'the liar counts on' }, (tx) => tx.run`update meter.progress set next_sequence = next_sequence + ${more.length}, acknowledged = acknowledged + ${more.length}`);
}
