/** What the operator and the owner of the rented cloud owe each other, by what both have counted: compared, invoiced, settled in both ledgers. */
import { billing } from '../../contract/intercloud/billing.ts';
import { metering } from '../../contract/intercloud/metering.ts';
import type { BodyOf } from '../../contract/contract.ts';
import { inCoins } from './bills.ts';
import { prices } from './parties.ts';
import { until, type Session } from './session.ts';

export type Dispute = { kind: string; message: string; own_events: string[]; peer_events: string[]; accused: string | null };

export type Settled = { agreed: string; invoiced: string; booked: string; open_disputes: number };

/** What stands in the books of each side. `theirs` is null for a cloud that has no books of ours. */
export type Settlement = { hours: number; disputes: Dispute[]; here: Settled; theirs: (Settled & { invoice: string }) | null };

const hourMs = 3_600_000;

type BookWish = BodyOf<(typeof billing)['nouns']['books']['create']>;

/** In the cloud that is rented: the operator as a customer who pays by the flavor, under the name that it has there. */
export async function sellAtPartner(owner: Session, { domainId, flavor }: { domainId: string; flavor: string }): Promise<string> {
  const { accounts, books } = owner.client(billing);
  const { id } = (await accounts.create({ body: { name: 'Operator' } })).body;
  await accounts.addDomain({ params: { account_id: id, domain_id: domainId } });
  const book: BookWish = { name: 'rent', currency: prices.currency, entries: [{ id: 'machine', resource: 'server', measure: 'servers', flavor, price: prices.supplier }] };
  const { id: book_id } = (await books.create({ body: book })).body;
  await accounts.setBook({ params: { account_id: id }, body: { book_id } });
  return id;
}

/** The agreement by which use of this region is counted on both sides. */
export async function agreementFor(admin: Session, region: string): Promise<string> {
  const { agreements } = (await admin.client(metering).agreements.list()).body;
  const found = agreements.find((each) => each.role === 'consumer' && each.region === region);
  if (!found?.asked) throw new Error(`Nobody is asked what was used in ${region}`);
  return found.id;
}

/** Both state every hour since then, as far as it has gone, and it is compared. Resolves to how many hours they are and what is not agreed on. */
export async function compareAll(admin: Session, agreement_id: string, since: Date): Promise<{ hours: number; disputes: Dispute[] }> {
  const { agreements, statements, disputes } = admin.client(metering);
  const params = { agreement_id };
  const from = new Date(Math.floor(since.getTime() / hourMs) * hourMs);
  const wanted = () => Math.floor((Date.now() - from.getTime()) / hourMs) + 1;
  // What an hour's end leaves to be told takes its time.
  const hours = await until('both clouds to have compared what they counted', async () => {
    const before = (await agreements.show({ params })).body.asked?.asked_at ?? null;
    await agreements.compare({ params, body: { so_far: true } });
    const asked = await until('the partner to be asked', async () => {
      const { asked: now } = (await agreements.show({ params })).body;
      return now?.asked_at != null && now.asked_at !== before ? now : undefined;
    });
    if (asked.failure !== null) return undefined;
    const { hours: states } = (await statements.list({ params, query: { from: from.toISOString() } })).body;
    const isSigned = asked.kind === 'intercloud';
    return states.length >= wanted() && states.every(({ matched_at: at, told }) => at !== null && (told || !isSigned)) ? states.length : undefined;
  }, { seconds: 300 });
  const found = (await disputes.list({ query: { agreement_id, status: 'open' } })).body.disputes;
  return { hours, disputes: found.map(({ kind, message, own_events, peer_events, accused }) => ({ kind, message, own_events, peer_events, accused })) };
}

type Wish = { agreementId: string; since: Date; here: { admin: Session; accountId: string }; there: { admin: Session; accountId: string } | null };

/** The owner's invoice, then what both book beyond what was invoiced. */
export async function settleBoth({ agreementId, since, here, there }: Wish): Promise<Omit<Settlement, 'hours' | 'disputes'>> {
  const from = new Date(Math.floor(since.getTime() / hourMs) * hourMs).toISOString();
  const untilHour = new Date(Math.floor(Date.now() / hourMs + 1) * hourMs).toISOString();
  const period = { agreement_id: agreementId, from, until: untilHour };
  const settle = async ({ admin, accountId }: { admin: Session; accountId: string }): Promise<Settled> => {
    const { agreed, invoiced, booked, open_disputes } = (await admin.client(billing).ledger.settle({ body: { ...period, account_id: accountId } })).body;
    return { agreed, invoiced, booked, open_disputes };
  };
  if (!there) return { here: await settle(here), theirs: null };
  const { invoices } = there.admin.client(billing);
  const draft = (await invoices.create({ body: { account_id: there.accountId, from, until: untilHour, so_far: true } })).body;
  const { total } = (await invoices.issue({ params: { invoice_id: draft.id } })).body;
  return { here: await settle(here), theirs: { ...(await settle(there)), invoice: total } };
}

/** To the last coin: what the one side invoices and what both have agreed on is the same, and in both books is that and no more. */
export function demandAgreed({ here, theirs, disputes }: Settlement, expected: readonly string[] = []): void {
  const unnamed = disputes.find(({ own_events: own, peer_events: peer }) => own.length + peer.length === 0);
  if (unnamed) throw new Error(`A dispute names no event: ${unnamed.message}`);
  if (disputes.some(({ kind }) => !expected.includes(kind))) throw new Error(`The two clouds do not agree: ${disputes.map(({ kind, message }) => `${kind}: ${message}`).join('; ')}`);
  if (inCoins(here.agreed) <= 0n) throw new Error('What both have counted comes to nothing');
  for (const each of [here, ...(theirs ? [theirs] : [])]) if (inCoins(each.invoiced) + inCoins(each.booked) !== inCoins(each.agreed)) throw new Error(`${each.invoiced} were invoiced and ${each.booked} booked of ${each.agreed} agreed on`);
  // What is in dispute is invoiced by the one, and taken back by what he books.
  const invoiced = theirs && disputes.length === 0 ? [theirs.agreed, theirs.invoice] : theirs ? [theirs.agreed] : [];
  if (theirs && invoiced.some((each) => inCoins(each) !== inCoins(here.agreed))) throw new Error(`The partner invoices ${theirs.invoice} and settles ${theirs.agreed}, and here it is ${here.agreed}`);
}
